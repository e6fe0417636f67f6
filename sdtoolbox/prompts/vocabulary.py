"""Vocabularies of text encoders, without torch: CLIP's own, and those that lie in a checkpoint's folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START, END = "<|startoftext|>", "<|endoftext|>"
ORDER = [*range(33, 127), *range(161, 173), *range(174, 256)]
"""Bytes that are printed as themselves come first in the vocabulary, as in GPT-2."""
SIZE = 49408
MERGES = SIZE - 512 - 2
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP takes for a word, before it looks for its pieces (Radford et al. 2021)."""
Tokens = Callable[[str], list[int]]


@cache
def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The 49,408 tokens of CLIP with their numbers, and the pairs that are merged, in order.

    They are those of OpenAI's BPE, which OpenCLIP carries.
    """
    letters = _letters()
    lines = gzip.decompress(_file().read_bytes()).decode("utf-8").split("\n")[1 : 1 + MERGES]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    return {token: number for number, token in enumerate(tokens)}, merges


@cache
def clip_tokens() -> Tokens:
    """From a text to CLIP's tokens, without start and end."""
    return _tokens(_tokenizer(*clip_vocabulary()))


def tokens_in(folder: Path) -> Tokens:
    """As `clip_tokens`, with the vocabulary of a tokenizer's folder in the layout of transformers.

    OSError where there is none, ValueError where it makes no sense.
    """
    whole = folder / "tokenizer.json"
    if whole.is_file():
        model = json.loads(whole.read_text("utf-8")).get("model", {})
        vocabulary, pairs = model.get("vocab"), model.get("merges", [])
        merges = [pair.split(" ") if isinstance(pair, str) else pair for pair in pairs]
    else:
        vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
        lines = (folder / "merges.txt").read_text("utf-8").split("\n")
        merges = [line.split() for line in lines if line and not line.startswith("#version")]
    if not isinstance(vocabulary, dict) or not all(len(p) == 2 and "".join(p) in vocabulary for p in merges):
        raise ValueError("its vocabulary does not hold what it merges")
    return _tokens(_tokenizer(vocabulary, [(first, second) for first, second in merges]))


def _tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Any:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.add_special_tokens([token for token in (START, END) if token in vocabulary])
    return tokenizer


def _tokens(tokenizer: Any) -> Tokens:
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)


def _letters() -> list[str]:
    """One printable letter a byte, in the order of the vocabulary."""
    rest = (byte for byte in range(256) if byte not in set(ORDER))
    shifted = [chr(256 + number) for number, _ in enumerate(rest)]
    return [*map(chr, ORDER), *shifted]


def _file() -> Path:
    # The package is found and not imported: that would take seconds, and needs torchvision.
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("open_clip_torch is not installed: install sdtoolbox with its dependencies")
    return Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
