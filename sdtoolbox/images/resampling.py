"""Planes in another size by Lanczos's filter at full depth, a band of rows at a time: memory for a band is enough."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

BAND = 512
"""Rows of the result that are made at a time."""
SUPPORT = 3
"""Lanczos's filter reaches so far, in pixels of the coarser of the two sizes."""
Region = tuple[float, float, float, float]
"""left, top, right and bottom in pixels of a source; fractions are allowed."""


def resampled(values: np.ndarray, width: int, height: int, region: Region | None = None) -> np.ndarray:
    """[H, W] or [H, W, C] -> [height, width(, C)] of the same type; integers are rounded, and kept within their type.

    Only `region` of the source, if it is given, with what lies around it still deciding about the edges.
    """
    left, top, right, bottom = region or (0, 0, values.shape[1], values.shape[0])
    result = np.empty((height, width, *values.shape[2:]), values.dtype)
    step = (bottom - top) / height
    reach = SUPPORT * max(1.0, step) + 1
    for start in range(0, height, BAND):
        end = min(height, start + BAND)
        first, last = top + start * step, top + end * step
        above = max(0, math.floor(first - reach))
        rows = values[above : math.ceil(last + reach)]
        box = (left, first - above, right, min(last - above, rows.shape[0]))
        result[start:end] = _kept(_resampled(rows, width, end - start, box), values.dtype)
    return result


def _resampled(rows: np.ndarray, width: int, height: int, box: Region) -> np.ndarray:
    planes = rows.reshape(*rows.shape[:2], -1)
    found = [
        np.asarray(
            Image.fromarray(planes[..., i].astype(np.float32)).resize((width, height), Image.Resampling.LANCZOS, box)
        )
        for i in range(planes.shape[2])
    ]
    return np.dstack(found).reshape(height, width, *rows.shape[2:])


def _kept(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if np.issubdtype(dtype, np.integer):
        values = np.rint(values.clip(0, np.iinfo(dtype).max))
    return np.asarray(values, dtype)
