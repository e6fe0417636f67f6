"""Single pixels that are far off, as dead ones of a camera or dust, replaced by the middle of their surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LARGEST_RADIUS = 2
"""OpenCV has no larger one at full depth."""


def median(
    pixels: np.ndarray,
    *,
    radius: Annotated[int, Limits(1, LARGEST_RADIUS)] = 1,
    threshold: Annotated[float, Limits(0, 1)] = 0.15,
) -> np.ndarray:
    """Removes specks: salt and pepper, dead pixels, dust.

    A value farther than `threshold` from the median of the square around it, `radius` to each side, becomes that
    median, a channel at a time; at 0 all of them do.
    """
    import cv2

    middle = cv2.medianBlur(np.ascontiguousarray(pixels), 2 * radius + 1).reshape(pixels.shape)
    return np.where(np.abs(pixels - middle) > threshold, middle, pixels)


def register(ext: Extension) -> None:
    """Add the restorer of this file."""
    ext.restorer(median, label="Median (specks)", reach=LARGEST_RADIUS)
