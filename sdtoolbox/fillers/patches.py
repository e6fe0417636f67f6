"""A hole filled with patches of the rest of the picture: textures and structures go on.

The colours in the hole, and for every patch that reaches into it the most similar one outside, are found in turns, from
a small copy of the picture to the picture itself (Wexler, Shechtman & Irani 2007, "Space-time completion of video").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdtoolbox.fillers.matching import HALF, SIDE, Matching
from sdtoolbox.images.filling import halved, spread
from sdtoolbox.images.masks import box_of, distance, padded

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LARGEST = 512
"""Longest side at which patches are searched; a larger picture takes what was found there, at its own resolution."""
LEAST_AROUND = 48
ROUNDS = (1, 3, 5, 8)
"""How often matches and colours are found in turns: at full size, half size and so on, the last for all below."""


def patch(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fits in pieces of the rest of the picture: for textures and large holes."""
    box = box_of(mask)
    if box is None or mask.all():
        return pixels.copy()
    around = max(LEAST_AROUND, box[2] - box[0], box[3] - box[1])
    left, top, right, bottom = padded(box, around, (mask.shape[1], mask.shape[0]))
    part, hole = pixels[top:bottom, left:right], mask[top:bottom, left:right]
    filled = np.rint(_completed(part.astype(np.float32), hole).clip(0, 255)).astype(np.uint8)
    found = pixels.copy()
    found[top:bottom, left:right] = np.where(hole[..., None], filled, part)
    return found


def _completed(pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """float32 [H, W, 3] with the hole filled."""
    random = np.random.default_rng(0)
    matching: Matching | None = None
    colours = pixels
    for number, (known, gap) in reversed(list(enumerate(_scales(pixels, hole)))):
        coarser, matching = matching, Matching(known, gap, random)
        if not matching.possible:  # too little is left around the hole for a single patch
            matching, colours = None, spread(known, (~gap).astype(np.float32))
            continue
        matching.start(coarser)
        searched = max(hole.shape) >> number <= LARGEST
        if coarser is None:
            colours = spread(known, (~gap).astype(np.float32))
        else:
            colours = matching.voted(1 if searched else HALF)
        for _ in range(ROUNDS[min(number, len(ROUNDS) - 1)] if searched else 0):
            matching.improve(colours)
            colours = matching.voted()
    return colours


def _scales(pixels: np.ndarray, hole: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The picture and its hole at full, half, quarter … size, until the hole is no wider than a patch."""
    scales = [(pixels, hole)]
    weights = (~hole).astype(np.float32)
    while distance(~hole).max() > HALF and min(hole.shape) >= 4 * SIDE:
        pixels, weights = halved(pixels, weights)
        hole = weights == 0
        scales.append((pixels, hole))
    return scales


def register(ext: Extension) -> None:
    """Add the filler of this file."""
    ext.filler(patch, label="Patches")
