"""What is wrong with a picture or a video, measured in itself: its noise, and what JPEG did to it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np

from sdtoolbox.images.jpeg import quality_of_file, quality_of_pixels
from sdtoolbox.images.noise import noise_level
from sdtoolbox.images.opening import file_bytes
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.frames import some_frames
from sdtoolbox.images.video.opening import is_video

NO_JPEG = 100
LOOKED_AT = 5
"""Frames of a video, from all over it: what they have in common holds for all, so that nothing flickers."""


def damage(path: Path) -> tuple[float, int]:
    """Noise level and JPEG quality of a picture's file, of what can be seen in it; decoded once, one at a time.

    Of a video the medians over some of its frames.
    """
    with _decoding:  # however many ask at once: a large picture needs gigabytes
        return _damage(path)


_decoding = threading.Lock()


# A file of the store never changes, and a form that follows what is typed asks again and again.
@lru_cache(maxsize=256)
def _damage(path: Path) -> tuple[float, int]:
    if is_video(path):
        return _of_frames(some_frames(path, LOOKED_AT))
    raster = Raster.read(path)
    pixels = raster.pixels
    if raster.alpha is not None:  # black and white are passed over: nobody knows what was there
        pixels = np.where(raster.alpha[..., None] > 0, pixels, 0)
    quality = quality_of_file(file_bytes(path))
    return _noise(pixels), _bounded(quality if quality is not None else quality_of_pixels(pixels))


def _of_frames(frames: Sequence[Raster]) -> tuple[float, int]:
    noise = median(_noise(one.pixels) for one in frames)
    return round(noise, 1), round(median(_bounded(quality_of_pixels(one.pixels)) for one in frames))


def _noise(pixels: np.ndarray) -> float:
    return round(min(100.0, noise_level(pixels)), 1)


def _bounded(quality: int | None) -> int:
    return NO_JPEG if quality is None else max(1, min(NO_JPEG, quality))
