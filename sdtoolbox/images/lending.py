"""A picture lent to somebody who knows Pillow's pictures alone, and taken back without losing what they cannot hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from sdtoolbox.images.raster import Raster, eight_bits, sixteen_bits

MODES = ("RGB", "RGBA", "L", "LA")


def lent(raster: Raster) -> Image.Image:
    """An RGB picture, with its alpha RGBA, of 8 bits, in the raster's own colours: `info["icc_profile"]` names them."""
    picture = Image.fromarray(eight_bits(raster.pixels))
    if raster.alpha is not None:
        picture.putalpha(Image.fromarray(eight_bits(raster.alpha)))
    if raster.icc is not None:
        picture.info["icc_profile"] = raster.icc
    return picture


def taken_back(before: Raster, shown: Image.Image, returned: Any) -> Raster | None:
    """The raster with what `returned` changed of the picture that was `lent`; None if that is nothing.

    What is as it was shown stays what it was, of 16 bits too; the rest has the 8 bits that came back. The colours
    remain those of the raster's profile, and a picture that comes back without an alpha keeps the raster's.
    TypeError for what is no picture of 8 bits, ValueError for one of another size.
    """
    if returned is None:
        return None
    if not isinstance(returned, Image.Image) or returned.mode not in MODES:
        kind = f"a picture of mode {returned.mode}" if isinstance(returned, Image.Image) else type(returned).__name__
        raise TypeError(f"it returned {kind} in place of one of {', '.join(MODES)}, or None")
    if returned.size != before.size:
        raise ValueError(f"it returned a picture of {returned.size} pixels in place of {before.size}")
    old, new = Raster.of(shown), Raster.of(returned)
    pixels, alpha = _merged(before.pixels, old.pixels, new.pixels), before.alpha
    if new.alpha is not None and alpha is not None and old.alpha is not None:
        alpha = _merged(alpha, old.alpha, new.alpha)
    elif new.alpha is not None and (new.alpha < 255).any():
        alpha = new.alpha if before.pixels.dtype == np.uint8 else sixteen_bits(new.alpha)
    same = np.array_equal(pixels, before.pixels) and _equal(alpha, before.alpha)
    return None if same else replace(before, pixels=pixels, alpha=alpha)


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _merged(before: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """`before` in the pixels in which `new` is still `old`, else `new`, at the depth of `before`."""
    if before.dtype == np.uint8:
        return new
    same = (new == old).all(axis=2, keepdims=True) if new.ndim == 3 else new == old
    merged: np.ndarray = np.where(same, before, sixteen_bits(new))
    return merged
