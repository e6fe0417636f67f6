"""How an encoder reads words: as tokens in chunks, each token with its weight."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sdtoolbox.prompts.chunks import chunks
from sdtoolbox.prompts.plan import Span, Words

Tokenize = Callable[[str], tuple[list[int], Collection[int]]]
"""From a text to its tokens, and to the places among them before which no chunk should end."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens that are read together, without start, end and padding, and how much each counts."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]


def lay_out(words: Words, tokenize: Tokenize, size: int = 75, comma: int | None = None) -> list[Chunk]:
    """The chunks of a wording, at most `size` tokens each, one at least; a BREAK begins a new one.

    Spans are tokenized one by one, so that a weight begins and ends where its bracket does. Nothing after the last
    BREAK is no chunk.
    """
    laid = [chunk for group in words for chunk in _group(group, tokenize, size, comma)]
    while len(laid) > 1 and not laid[-1].tokens:
        laid.pop()
    return laid


def _group(group: tuple[Span, ...], tokenize: Tokenize, size: int, comma: int | None) -> list[Chunk]:
    tokens: list[int] = []
    weights: list[float] = []
    joints: set[int] = set()
    for span in group:
        found, together = tokenize(span.text)
        joints.update(len(tokens) + place for place in together)
        tokens += found
        weights += [span.weight] * len(found)
    laid, start = [], 0
    for piece in chunks(tokens, size, comma, inseparable=joints):
        end = start + len(piece)
        laid.append(Chunk(tuple(piece), tuple(weights[start:end])))
        start = end
    return laid
