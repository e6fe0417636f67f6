"""Holes filled from their edges inwards: lines that end at the edge are carried on for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdtoolbox.images.masks import box_of, padded

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

RADIUS = 5
"""Pixels around each that are looked at."""


def telea(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Carries colours and lines inwards; quick, for scratches and small things."""
    import cv2

    return _inpainted(pixels, mask, cv2.INPAINT_TELEA)


def navier_stokes(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lets edges flow inwards like a fluid; for scratches and small things."""
    import cv2

    return _inpainted(pixels, mask, cv2.INPAINT_NS)


def _inpainted(pixels: np.ndarray, mask: np.ndarray, method: int) -> np.ndarray:
    """OpenCV's: Telea (2004) by a fast marching method, or Bertalmio et al. (2001) by the equations of fluids."""
    import cv2

    box = box_of(mask)
    if box is None or mask.all():
        return pixels.copy()
    left, top, right, bottom = padded(box, 2 * RADIUS, mask.shape[::-1])
    part, hole = pixels[top:bottom, left:right], mask[top:bottom, left:right]
    found = pixels.copy()
    filled = cv2.inpaint(np.ascontiguousarray(part), hole.astype(np.uint8), RADIUS, method)
    found[top:bottom, left:right] = np.where(hole[..., None], filled, part)
    return found


def register(ext: Extension) -> None:
    """Add the fillers of this file."""
    ext.filler(telea, label="Telea")
    ext.filler(navier_stokes, label="Navier-Stokes")
