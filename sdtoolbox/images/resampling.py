"""Planes in another size by Lanczos's filter at full depth, a band of rows at a time: memory for a band is enough."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from sdtoolbox.images.canvas import canvas

ROWS = 512
"""Rows that are looked at or made at a time, whichever are more."""
SUPPORT = 3
"""Lanczos's filter reaches so far, in pixels of the coarser of the two sizes."""
Region = tuple[float, float, float, float]
"""left, top, right and bottom in pixels of a source; fractions are allowed."""


def resampled(
    values: np.ndarray,
    width: int,
    height: int,
    region: Region | None = None,
    on_band: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """[H, W] or [H, W, C] -> [height, width(, C)] of the same type; integers are rounded, and kept within their type.

    Only `region` of the source, if it is given, with what lies around it still deciding about the edges. `on_band` is
    called again and again, and may raise.
    """
    left, top, right, bottom = region or (0, 0, values.shape[1], values.shape[0])
    result = canvas((height, width, *values.shape[2:]), values.dtype)
    step = (bottom - top) / height
    reach = SUPPORT * max(1.0, step) + 1
    band = max(1, math.floor(ROWS / max(1.0, step)))
    for start in range(0, height, band):
        on_band()
        end = min(height, start + band)
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
