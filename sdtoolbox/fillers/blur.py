"""A hole filled with the colours around it, without any detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdtoolbox.images.filling import spread

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def blur(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The surrounding colours run smoothly into each other."""
    found = spread(pixels.astype(np.float32), (~mask).astype(np.float32))
    return np.where(mask[..., None], np.rint(found.clip(0, 255)).astype(np.uint8), pixels)


def register(ext: Extension) -> None:
    """Add the filler of this file."""
    ext.filler(blur, label="Blur")
