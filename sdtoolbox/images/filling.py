"""A smooth continuation of what is known into where nothing is known."""

from __future__ import annotations

import numpy as np

SMOOTHINGS = 4
"""Rounds of relaxation at each scale: enough that no trace of the coarser grid is left."""


def spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`values` where their weight is 1, a membrane stretched between them where it is 0, mixed between.

    values: float32 [H, W, C]; weights: float32 [H, W] in [0, 1]; a new float32 [H, W, C]; 0 if nothing is known.
    The membrane (the solution of Laplace's equation with the known values as its frame) is found from coarse to fine
    scales, in time proportional to the pixels.
    """
    import cv2

    known = weights[..., None]
    height, width = weights.shape
    if height * width == 1 or weights.min() >= 1:
        return np.where(known > 0, values, 0).astype(np.float32)
    coarse = spread(*halved(values, weights))
    found = np.atleast_3d(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))
    for _ in range(SMOOTHINGS):
        found = values * known + found * (1 - known)
        found = np.atleast_3d(cv2.blur(found, (3, 3), borderType=cv2.BORDER_REPLICATE))
    mixed: np.ndarray = values * known + found * (1 - known)
    return mixed


def halved(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of 2 x 2, each value counting as much as it weighs; a place is known as soon as one of the four is."""
    odd = [(0, side % 2) for side in weights.shape]
    weights, values = np.pad(weights, odd), np.pad(values, [*odd, (0, 0)])
    height, width = weights.shape[0] // 2, weights.shape[1] // 2
    total = weights.reshape(height, 2, width, 2).sum(axis=(1, 3))
    weighted = (values * weights[..., None]).reshape(height, 2, width, 2, -1).sum(axis=(1, 3))
    return weighted / np.maximum(total, 1e-6)[..., None], np.minimum(total, 1)
