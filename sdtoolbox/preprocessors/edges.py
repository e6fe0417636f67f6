"""A picture reduced to its edges, by Canny (1986)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def edges(
    pixels: np.ndarray,
    *,
    low: Annotated[float, Limits(0, 1000)] = 100.0,
    high: Annotated[float, Limits(0, 1000)] = 200.0,
    smooth: Annotated[float, Limits(0, 10)] = 1.0,
    on_white: bool = False,
) -> np.ndarray:
    """Lines where brightness changes, white on black: what is drawn keeps the outlines and nothing else.

    Slopes (Sobel's, 3 by 3) above `high` begin a line, which goes on as long as they are above `low`. `smooth` is how
    far details are blurred before, in pixels; `on_white` draws the lines black on white.
    """
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if smooth > 0:
        grey = cv2.GaussianBlur(grey, (0, 0), smooth)
    found = cv2.Canny(grey, min(low, high), max(low, high), L2gradient=True)
    return np.repeat((255 - found if on_white else found)[..., None], 3, axis=2)


def register(ext: Extension) -> None:
    """Add the preprocessor of this file."""
    ext.preprocessor(edges, label="Edges")
