"""How near a picture is to a reference: PSNR, SSIM, and where they differ as a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

EQUAL = 100.0
"""Decibels of equal pictures, and the most there is: JSON has no infinity."""
AMPLIFIED = 4
"""So many times brighter a difference is shown than it is: one of 64 levels is white."""
SIGMA, RADIUS = 1.5, 5
"""Of the Gaussian window within which SSIM compares: 11 x 11 pixels."""
K1, K2 = 0.01, 0.03
BAND = 256
"""Rows compared at a time, so that large pictures take little memory."""


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, over all pixels and channels, at most 100.

    Both uint8 or both uint16, of one shape [H, W, C]; white of the type is the peak. ValueError for others.
    """
    maximum = _maximum(a, b)
    squares = sum(float((_difference(a[rows], b[rows]) ** 2).sum()) for rows in _bands(len(a)))
    error = squares / a.size / maximum**2
    return EQUAL if error == 0 else min(EQUAL, float(-10 * np.log10(error)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity, 1 for equal pictures: the mean over places and channels (Wang et al. 2004, equation 13).

    Arguments as `psnr`. Places whose window would stick out do not count, except in a picture smaller than a window.
    """
    maximum = _maximum(a, b)
    edge_y, edge_x = (RADIUS if length > 2 * RADIUS else 0 for length in a.shape[:2])
    total = count = 0.0
    for rows in _bands(len(a) - 2 * edge_y):
        wide = slice(rows.start, rows.stop + 2 * edge_y) if edge_y else slice(None)
        similar = _similarity(a[wide] / maximum, b[wide] / maximum)
        inner = similar[edge_y : len(similar) - edge_y, edge_x : similar.shape[1] - edge_x]
        total, count = total + float(inner.sum()), count + inner.size
    return total / count


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two pictures differ, as a picture: uint8 [H, W, C], black where they are equal.

    The absolute difference in 8-bit levels times 4, so that people see it, cut off at white. Arguments as `psnr`.
    """
    import cv2

    scale = AMPLIFIED * 255 / _maximum(a, b)
    found: np.ndarray = cv2.convertScaleAbs(cv2.absdiff(a, b), alpha=scale)
    return found.reshape(a.shape)


def _maximum(a: np.ndarray, b: np.ndarray) -> int:
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{a.dtype} {a.shape} and {b.dtype} {b.shape} cannot be compared")
    return int(np.iinfo(a.dtype).max)


def _bands(rows: int) -> Iterator[slice]:
    for start in range(0, rows, BAND):
        yield slice(start, min(rows, start + BAND))


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    found: np.ndarray = a.astype(np.float64) - b
    return found


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The map, float64 [H, W, C], of two pictures in [0, 1]."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a**2 + _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    found: np.ndarray = above / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))
    return found


def _blurred(values: np.ndarray) -> np.ndarray:
    import cv2

    size = 2 * RADIUS + 1
    found: np.ndarray = cv2.GaussianBlur(values, (size, size), SIGMA, borderType=cv2.BORDER_REFLECT)
    return found.reshape(values.shape)
