"""Details made stronger: what a blurred copy lacks is added once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LARGEST_RADIUS = 5.0


def sharpen(
    pixels: np.ndarray,
    *,
    amount: Annotated[float, Limits(0, 5)] = 0.8,
    radius: Annotated[float, Limits(0.3, LARGEST_RADIUS)] = 1.2,
    threshold: Annotated[float, Limits(0, 0.5)] = 0.01,
) -> np.ndarray:
    """Unsharp mask: makes edges and details stronger.

    `amount` times what a copy lacks that was blurred by a Gaussian of this `radius` in pixels is added; differences up
    to `threshold`, as of light noise, are left as they are, and larger ones count from there on.
    """
    import cv2

    width = 2 * _reach(radius) + 1
    blurred = cv2.GaussianBlur(pixels, (width, width), radius, borderType=cv2.BORDER_REFLECT).reshape(pixels.shape)
    details = pixels - blurred
    lasting = np.sign(details) * np.maximum(np.abs(details) - np.float32(threshold), 0)
    found: np.ndarray = pixels + np.float32(amount) * lasting
    return found.clip(0, 1)


def _reach(radius: float) -> int:
    return int(np.ceil(3 * radius))


def register(ext: Extension) -> None:
    """Add the restorer of this file."""
    ext.restorer(sharpen, label="Sharpen", reach=_reach(LARGEST_RADIUS))
