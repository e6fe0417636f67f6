"""A picture with fewer colours: less colourful, or of few shades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""How much red, green and blue count for brightness (ITU-R BT.709)."""


def grey(pixels: np.ndarray, *, colour: Annotated[float, Limits(0, 1)] = 0.0) -> np.ndarray:
    """Takes the colours away, or all but a share of them: what is drawn keeps the light and has colours of its own."""
    brightness = pixels.astype(np.float32) @ LUMA
    mixed = brightness[..., None] * (1 - colour) + pixels * np.float32(colour)
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def posterize(pixels: np.ndarray, *, shades: Annotated[int, Limits(2, 64)] = 5) -> np.ndarray:
    """Leaves so many shades of each colour, in flat areas: a start for posters, prints and cartoons."""
    levels = np.arange(256, dtype=np.float32) / 255 * (shades - 1)
    table = np.rint(np.rint(levels) * 255 / (shades - 1)).astype(np.uint8)
    found: np.ndarray = table[pixels]
    return found


def register(ext: Extension) -> None:
    """Add the preprocessors of this file."""
    ext.preprocessor(grey, label="Grey")
    ext.preprocessor(posterize, label="Posterize")
