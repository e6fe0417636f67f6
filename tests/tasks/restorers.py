"""Restorers for tests: small functions of which one knows how far they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Fake:
    """A `protocols.Restorer` made of a function of pixels; notes the shapes that it is shown."""

    function: Callable[[np.ndarray], np.ndarray]
    scale: int = 1
    reach: int | None = 0
    multiple: int = 1
    tile: int | None = None
    name: str = "fake"
    invents: bool = False
    environment: Mapping[str, Any] = field(default_factory=dict)
    seen: list[tuple[int, ...]] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)

    def __call__(self, pixels: np.ndarray, *, noise: float, **options: Any) -> np.ndarray:
        assert pixels.dtype == np.float32 and pixels.min() >= 0 and pixels.max() <= 1
        self.seen.append(pixels.shape)
        self.noises.append(noise)
        return np.asarray(self.function(pixels), np.float32)


def blurred(pixels: np.ndarray) -> np.ndarray:
    """The mean of 5 x 5: looks 2 pixels far."""
    import cv2

    return cv2.blur(pixels, (5, 5), borderType=cv2.BORDER_REFLECT_101)


def in_blocks(pixels: np.ndarray) -> np.ndarray:
    """The mean of each block of 8 x 8, counted from the upper left corner."""
    height, width = pixels.shape[:2]
    assert height % 8 == width % 8 == 0
    means = pixels.reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3))
    return means.repeat(8, axis=0).repeat(8, axis=1)


def enlarged(scale: int) -> Callable[[np.ndarray], np.ndarray]:
    """Linear between neighbours: looks 1 pixel far."""
    import cv2

    def enlarge(pixels: np.ndarray) -> np.ndarray:
        size = pixels.shape[1] * scale, pixels.shape[0] * scale
        return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)

    return enlarge
