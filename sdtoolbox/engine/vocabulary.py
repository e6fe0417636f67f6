"""CLIP's tokenizer for files that bring none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import CLIPTokenizer

from sdtoolbox.prompts.vocabulary import END, SIZE, clip_vocabulary

__all__ = ["END", "SIZE", "clip_tokenizer", "clip_vocabulary", "tokenizer_of"]


def clip_tokenizer(pad: str = END) -> Any:
    """The tokenizer of CLIP's text encoders; OpenCLIP's pad with "!", the first word."""
    vocabulary, merges = clip_vocabulary()
    return tokenizer_of(vocabulary, merges, pad)


def tokenizer_of(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], pad: str = END) -> Any:
    """A tokenizer of CLIP's kind with a vocabulary of its own."""
    return CLIPTokenizer(vocab=dict(vocabulary), merges=list(merges), pad_token=pad, model_max_length=77)
