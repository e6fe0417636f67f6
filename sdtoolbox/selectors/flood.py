"""What has the colour of the place that was pointed at, as far as that colour reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension
    from sdtoolbox.images.raster import Box

Tolerance = Annotated[int, Limits(0, 255)]
GRAIN = 3
"""Pixels of the median that takes grain away: a single odd pixel is no border and no hole."""


def flood(
    pixels: np.ndarray,
    points: Sequence[tuple[int, int]],
    box: Box | None,
    *,
    tolerance: Tolerance = 24,
    connected: bool = True,
) -> np.ndarray:
    """Everything of the colour at the point, like a magic wand.

    `tolerance` is how far each channel may be from the point's, of 255; without `connected` it is taken wherever in the
    picture, or in the box, it is.
    """
    import cv2

    smooth = cv2.medianBlur(np.ascontiguousarray(pixels), GRAIN)
    height, width = pixels.shape[:2]
    left, top, right, bottom = box or (0, 0, width, height)
    inside = np.zeros((height, width), bool)
    inside[top:bottom, left:right] = True
    found = np.zeros((height, width), bool)
    for x, y in points:
        near = (np.abs(smooth.astype(np.int16) - smooth[y, x]) <= tolerance).all(axis=2) & inside
        if connected:
            _, parts = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)
            near &= parts == parts[y, x]
        found |= near
    return found.astype(np.float32)


def register(ext: Extension) -> None:
    """Add the selector of this file."""
    ext.selector(flood, label="Colour")
