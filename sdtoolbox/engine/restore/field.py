"""Noise that belongs to places: a tile sees the same as its neighbour where they overlap, however a picture is cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELL = 64
"""The side of the squares that are drawn at a time, each from a seed of its own."""


def noise_at(
    seed: int, stream: int, channels: int, place: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Unit noise [channels, height, width] of an endless plane, from `place` (top, left), not negative, on.

    Other streams of a seed are independent of it.
    """
    (top, left), (height, width) = place, size
    noise = np.empty((channels, height, width), np.float32)
    for row in range(top // CELL, -(-(top + height) // CELL)):
        for column in range(left // CELL, -(-(left + width) // CELL)):
            drawn = np.random.default_rng([seed, stream, row, column])
            cell = drawn.standard_normal((channels, CELL, CELL), np.float32)
            above, before = row * CELL, column * CELL
            rows = slice(max(top, above), min(top + height, above + CELL))
            columns = slice(max(left, before), min(left + width, before + CELL))
            noise[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = cell[
                :, rows.start - above : rows.stop - above, columns.start - before : columns.stop - before
            ]
    return noise
