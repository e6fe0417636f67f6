"""Noise shrunk away in each scale and direction of a picture: wavelets at all shifts, with a threshold a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LEVELS = 4
WINDOW = 15
"""Pixels along a side of where the strength of what is depicted is measured."""
WIDTH = 2**LEVELS - 1
"""How far the coarsest wavelet reaches, in pixels."""
PADDING = WIDTH + WINDOW // 2
OPPONENT = np.array(
    [[1 / 3**0.5, 1 / 3**0.5, 1 / 3**0.5], [1 / 2**0.5, 0, -1 / 2**0.5], [1 / 6**0.5, -2 / 6**0.5, 1 / 6**0.5]],
    np.float32,
)
"""From RGB to brightness and two differences of colour; orthonormal, so that noise stays as strong as it is."""


def wavelet(pixels: np.ndarray, *, noise: float, smoothing: Annotated[float, Limits(0.1, 4)] = 1.2) -> np.ndarray:
    """Shrinks what is no stronger than noise, scale by scale: quick, and good for most pictures.

    Haar's wavelets without decimation (Coifman & Donoho 1995, "Translation-invariant de-noising"), soft thresholds
    variance of noise / standard deviation of the signal (Chang, Yu & Vetterli 2000, equation 15), the latter measured
    around each place; `smoothing` multiplies them.
    """
    if noise <= 0:
        return pixels.copy()
    padded = np.pad(pixels, [(PADDING, PADDING), (PADDING, PADDING), (0, 0)], mode="symmetric")
    bands = padded @ OPPONENT.T
    clean = np.stack([_shrunk(np.ascontiguousarray(bands[..., i]), noise, smoothing, 0) for i in range(3)], axis=-1)
    inner: np.ndarray = clean[PADDING:-PADDING, PADDING:-PADDING] @ OPPONENT
    return inner.clip(0, 1)


def _shrunk(plane: np.ndarray, noise: float, smoothing: float, level: int) -> np.ndarray:
    """float32 [H, W] with this level's details and all coarser ones shrunk."""
    if level == LEVELS:
        return plane
    step = 2**level
    deviation = noise / 2 ** (level + 1)  # each of the two filters below halves the variance
    result = _joined(_shrunk(_split(plane, step, 1, 1), noise, smoothing, level + 1), step, 1, 1)
    for down, across in ((1, -1), (-1, 1), (-1, -1)):
        details = _soft(_split(plane, step, down, across), deviation, smoothing)
        result += _joined(details, step, down, across)
    return result


def _split(plane: np.ndarray, step: int, down: int, across: int) -> np.ndarray:
    """The mean of each value and that `step` further on, or half their difference if the sign is -1, in both ways."""
    rows = (plane + down * np.roll(plane, -step, axis=0)) / 2
    found: np.ndarray = (rows + across * np.roll(rows, -step, axis=1)) / 2
    return found


def _joined(values: np.ndarray, step: int, down: int, across: int) -> np.ndarray:
    """The adjoint of `_split`: of all four signs together it is the inverse."""
    rows = (values + down * np.roll(values, step, axis=0)) / 2
    found: np.ndarray = (rows + across * np.roll(rows, step, axis=1)) / 2
    return found


def _soft(details: np.ndarray, deviation: float, smoothing: float) -> np.ndarray:
    import cv2

    power = cv2.blur(details * details, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)
    signal = np.sqrt(np.maximum(power - np.float32(deviation**2), np.float32(1e-12)))
    threshold = np.float32(smoothing * deviation**2) / signal
    found: np.ndarray = np.sign(details) * np.maximum(np.abs(details) - threshold, 0)
    return found


def register(ext: Extension) -> None:
    """Add the restorer of this file."""
    ext.restorer(wavelet, label="Wavelet", reach=2 * WIDTH + WINDOW // 2)
