"""The edges of JPEG's blocks smoothed: the picture is compressed as strongly once more, with the blocks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.images.jpeg import SIDE
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

BEST = 95


def deblock(
    pixels: np.ndarray,
    *,
    quality: int,
    smoothing: Annotated[float, Limits(0, 1)] = 0.7,
) -> np.ndarray:
    """Smooths the blocks and rings of JPEG.

    The mean of what comes out for all 64 places of the blocks takes the picture's place with a weight of `smoothing`
    (Nosratinia 2001, "Enhancement of JPEG-compressed images by re-application of JPEG"). `quality` is the one it was
    compressed at; from 96 on nothing is to be seen, and nothing is changed.
    """
    seen = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    if quality > BEST:
        return pixels.copy()
    total = np.zeros(pixels.shape, np.float32)
    for down in range(SIDE):
        for across in range(SIDE):
            total += _compressed(seen, quality, down, across)
    change = total / SIDE**2 - seen
    found: np.ndarray = pixels + np.float32(smoothing / 255) * change
    return found.clip(0, 1)


def _compressed(pixels: np.ndarray, quality: int, down: int, across: int) -> np.ndarray:
    """uint8 [H, W, 3], as JPEG leaves it whose blocks begin so many pixels outside."""
    import cv2

    height, width = pixels.shape[:2]
    shifted = np.pad(pixels[..., ::-1], [(down, 0), (across, 0), (0, 0)], mode="edge")
    whole_colours = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    _, data = cv2.imencode(".jpg", shifted, [cv2.IMWRITE_JPEG_QUALITY, quality, *whole_colours])
    found = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return found[down : down + height, across : across + width, ::-1]


def register(ext: Extension) -> None:
    """Add the restorer of this file; a pixel is moved by the blocks that it lies in."""
    ext.restorer(deblock, label="JPEG blocks", reach=2 * SIDE)
