"""A picture without its details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def blur(pixels: np.ndarray, *, radius: Annotated[float, Limits(0, 200)] = 4.0) -> np.ndarray:
    """Takes details away and leaves light and colour where they are: `radius` is how far, in pixels."""
    import cv2

    return cv2.GaussianBlur(pixels, (0, 0), radius) if radius > 0 else pixels


def register(ext: Extension) -> None:
    """Add the preprocessor of this file."""
    ext.preprocessor(blur, label="Blur")
