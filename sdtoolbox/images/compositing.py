"""What was painted, laid over the picture that it was painted from: at its depth, in its colours, elsewhere exact."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
from PIL import Image

from sdtoolbox.images.profiles import from_srgb
from sdtoolbox.images.raster import Raster

Painted: TypeAlias = "Image.Image | np.ndarray"
"""In sRGB and of the source's size: a picture of 8 bits, or [H, W, 3] as uint8 or as floats in [0, 1]."""


def composite(source: Raster, painted: Painted, opacity: np.ndarray) -> Raster:
    """`painted` over `source`, as opaque as `opacity` says, float [H, W] in [0, 1].

    Where that is 0 the result is the source, bit for bit; also where an opaque pixel was painted as it is shown
    already. Colour and alpha follow "over" (Porter & Duff 1984): what is painted is seen, in a transparent hole too.
    ValueError for a size that differs.
    """
    if opacity.shape != source.pixels.shape[:2]:
        raise ValueError(f"the opacity is of {opacity.shape}, the picture of {source.pixels.shape[:2]}")
    colours, same = _in_its_terms(source, painted)
    solid = None if source.alpha is None else source.alpha == source.maximum
    touched = (opacity > 0) & ~(same if solid is None else same & solid)
    over = opacity[touched].clip(0, 1).astype(np.float64)[:, None]  # [n, 1]
    pixels, alpha = source.pixels.copy(), None
    under = 1 - over
    if source.alpha is not None:
        under = source.alpha[touched].astype(np.float64)[:, None] / source.maximum * under
        alpha = source.alpha.copy()
        alpha[touched] = _rounded((over + under)[:, 0] * source.maximum, alpha)
    pixels[touched] = _rounded((over * colours[touched] + under * pixels[touched]) / (over + under), pixels)
    return replace(source, pixels=pixels, alpha=alpha)


def recoloured(source: Raster, painted: Painted) -> Raster:
    """`painted` in place of the whole picture, with the source's depth, profile and alpha.

    A pixel that was painted as the source shows it (`Raster.picture`) keeps its own numbers, so a picture that nobody
    changed comes back bit for bit.
    """
    colours, same = _in_its_terms(source, painted)
    return replace(source, pixels=np.where(same[..., None], source.pixels, _rounded(colours, source.pixels)))


def _in_its_terms(source: Raster, painted: Painted) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that show these colours in the source, as floats [H, W, 3], and where it shows them already."""
    size = painted.size if isinstance(painted, Image.Image) else painted.shape[1::-1]
    if size != source.size:
        raise ValueError(f"what was painted is of {size}, the picture of {source.size}")
    shown = np.asarray(source.picture())
    if isinstance(painted, np.ndarray) and painted.dtype == np.uint8:
        painted = Image.fromarray(painted)
    if isinstance(painted, np.ndarray):
        fine = painted.astype(np.float32).clip(0, 1)
        painted = Image.fromarray(np.rint(fine * 255).astype(np.uint8))
    else:
        painted = painted.convert("RGB")
        fine = np.asarray(painted, dtype=np.float32) / 255
    same = (np.asarray(painted) == shown).all(axis=2)
    if source.icc is not None:  # profiles are applied in 8 bits
        fine = np.asarray(from_srgb(painted, source.icc), dtype=np.float32) / 255
    return fine * source.maximum, same


def _rounded(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.rint(values).astype(like.dtype)
    return found
