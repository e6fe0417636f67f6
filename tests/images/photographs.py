"""Photographs that scikit-image brings along, and what befalls pictures on their way."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

FOLDER = Path(skimage.__file__).parent / "data"
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
"""In the package itself: nothing is fetched. All are in colour."""


@cache
def photograph(name: str, side: int = 0) -> np.ndarray:
    """RGB [H, W, 3], uint8; with `side` the middle of it, at most so many pixels each way."""
    pixels = np.asarray(Image.open(FOLDER / name).convert("RGB"))
    if side:
        top, left = (max(0, length - side) // 2 for length in pixels.shape[:2])
        pixels = pixels[top : top + side, left : left + side]
    return pixels


def noisy(pixels: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """With Gaussian noise of so many levels, rounded and cut off at black and white, in the same type."""
    found = pixels + np.random.default_rng(seed).normal(0, sigma, pixels.shape) if sigma else pixels
    return np.rint(found).clip(0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
