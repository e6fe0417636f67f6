"""A prompt of any length, cut into pieces of the length that a text encoder reads at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

BACKTRACK = 20


def chunks(
    tokens: Sequence[int],
    size: int = 75,
    comma: int | None = None,
    backtrack: int = BACKTRACK,
    inseparable: Collection[int] = (),
) -> list[list[int]]:
    """The tokens in pieces of at most `size`; an empty prompt is one empty piece.

    A piece that is full ends after its last comma, if that stands among its last `backtrack` tokens: phrases
    between commas then stay in one piece, where the encoder reads them together. It never ends before a token whose
    place is in `inseparable`, unless what belongs together is longer than a piece.
    """
    pieces: list[list[int]] = []
    start = 0
    while len(tokens) - start > size:
        end = start + size
        cut = next((k for k in range(end, max(end - backtrack, start), -1) if tokens[k - 1] == comma), end)
        whole = next((k for k in range(cut, start, -1) if k not in inseparable), cut)
        pieces.append(list(tokens[start:whole]))
        start = whole
    pieces.append(list(tokens[start:]))
    return pieces


def framed(piece: Sequence[int], size: int, start: int, end: int, pad: int) -> list[int]:
    """size + 2 token ids as CLIP was trained on: start, the piece, end, padding."""
    return [start, *piece, end, *([pad] * (size - len(piece)))]
