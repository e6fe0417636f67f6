"""What is wrong with a picture, measured in itself: its noise, and what JPEG did to it."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

import numpy as np

from sdtoolbox.images.jpeg import quality_of_file, quality_of_pixels
from sdtoolbox.images.noise import noise_level
from sdtoolbox.images.opening import file_bytes
from sdtoolbox.images.raster import Raster

NO_JPEG = 100


def damage(path: Path) -> tuple[float, int]:
    """Noise level and JPEG quality of a picture's file, of what can be seen in it; decoded once, one at a time."""
    with _decoding:  # however many ask at once: a large picture needs gigabytes
        return _damage(path)


_decoding = threading.Lock()


# A file of the store never changes, and a form that follows what is typed asks again and again.
@lru_cache(maxsize=256)
def _damage(path: Path) -> tuple[float, int]:
    raster = Raster.read(path)
    pixels = raster.pixels
    if raster.alpha is not None:  # black and white are passed over: nobody knows what was there
        pixels = np.where(raster.alpha[..., None] > 0, pixels, 0)
    quality = quality_of_file(file_bytes(path))
    quality = quality if quality is not None else quality_of_pixels(pixels)
    noise = round(min(100.0, noise_level(pixels)), 1)
    return noise, NO_JPEG if quality is None else max(1, min(NO_JPEG, quality))
