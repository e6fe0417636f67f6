"""CLIP's tokenizer for files that bring none: its vocabulary is that of OpenAI's BPE, which OpenCLIP carries."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
ORDER = [*range(33, 127), *range(161, 173), *range(174, 256)]
"""Bytes that are printed as themselves come first in the vocabulary, as in GPT-2."""
SIZE = 49408
MERGES = SIZE - 512 - 2


def clip_tokenizer(pad: str = END) -> Any:
    """The tokenizer of CLIP's text encoders; OpenCLIP's pad with "!", the first word."""
    vocabulary, merges = clip_vocabulary()
    return tokenizer_of(vocabulary, merges, pad)


def tokenizer_of(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], pad: str = END) -> Any:
    """A tokenizer of CLIP's kind with a vocabulary of its own."""
    return CLIPTokenizer(vocab=dict(vocabulary), merges=list(merges), pad_token=pad, model_max_length=77)


@cache
def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The 49,408 tokens with their numbers, and the pairs that are merged, in order."""
    letters = _letters()
    lines = gzip.decompress(_file().read_bytes()).decode("utf-8").split("\n")[1 : 1 + MERGES]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    return {token: number for number, token in enumerate(tokens)}, merges


def _letters() -> list[str]:
    """One printable letter a byte, in the order of the vocabulary."""
    rest = (byte for byte in range(256) if byte not in set(ORDER))
    shifted = [chr(256 + number) for number, _ in enumerate(rest)]
    letters = [*map(chr, ORDER), *shifted]
    assert set(letters) == set(ByteLevel.alphabet())
    return letters


def _file() -> Path:
    # The package is found and not imported: that would take seconds, and needs torchvision.
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("open_clip_torch is not installed: install sdtoolbox with its dependencies")
    return Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
