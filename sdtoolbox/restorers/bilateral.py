"""Noise averaged away over near places of nearly the same colour (Tomasi & Manduchi 1998)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LARGEST_RADIUS = 6.0


def bilateral(
    pixels: np.ndarray,
    *,
    noise: float,
    smoothing: Annotated[float, Limits(0.1, 20)] = 4.5,
    radius: Annotated[float, Limits(0.5, LARGEST_RADIUS)] = 2.0,
) -> np.ndarray:
    """Averages neighbours of similar colour: the quickest, for light noise.

    `radius` is the standard deviation of the weights by distance in pixels; `smoothing` times the noise that of those
    by colour, as the sum of the differences of the channels.
    """
    import cv2

    if noise <= 0:
        return pixels.copy()
    width = 2 * _reach(radius) + 1
    found: np.ndarray = cv2.bilateralFilter(np.ascontiguousarray(pixels), width, smoothing * noise, radius)
    return found.reshape(pixels.shape).clip(0, 1)


def _reach(radius: float) -> int:
    return int(np.ceil(2 * radius))


def register(ext: Extension) -> None:
    """Add the restorer of this file."""
    ext.restorer(bilateral, label="Bilateral", reach=_reach(LARGEST_RADIUS))
