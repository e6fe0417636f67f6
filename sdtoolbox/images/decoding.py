"""From a picture file to its pixels: upright, at their own depth, with alpha and profile."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdtoolbox.images.deep import ORIENTATION, deep_pixels, is_deep, tag
from sdtoolbox.images.exif import orientation
from sdtoolbox.images.opening import FORMATS, MOST_PIXELS, UNREADABLE, load, opened, unreadable
from sdtoolbox.images.profiles import rgb_profile, to_srgb


def decoded(data: bytes, most: int = MOST_PIXELS) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """RGB [H, W, 3] and alpha [H, W], both uint8 or both uint16, and the ICC profile of these numbers.

    Turned as EXIF says. Greys become RGB of equal channels, palettes their colours. CMYK becomes sRGB, since no PNG
    holds it. UserError as `opening.open_picture`.
    """
    image = opened(data, FORMATS, most)
    deep = is_deep(data, image)
    load(image)
    turn = orientation(image)
    stored = image.info.get("icc_profile")
    icc = None if image.mode == "CMYK" else rgb_profile(stored)
    if image.mode == "CMYK":
        image = to_srgb(image, stored)
    if deep:
        pixels, alpha, turned = deep_pixels(data, image)
        if image.format == "TIFF":  # of which Pillow has turned its own copy already
            turn = 1 if turned else tag(image, ORIENTATION, 1)
    else:
        pixels, alpha = _plain(image)
    return upright(pixels, turn), None if alpha is None else upright(alpha, turn), icc


def _plain(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        return shallow(image)
    except UNREADABLE as error:  # of a kind of colours that nothing converts
        raise unreadable(error) from None


def upright(values: np.ndarray, turn: int) -> np.ndarray:
    """[H, W, …] as it is meant to be seen, given its orientation in EXIF, 1 to 8."""
    if not 1 < turn <= 8:
        return np.ascontiguousarray(values)
    if turn >= 5:  # the sides are exchanged
        values = values.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        values = values[::-1]
    if turn in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def shallow(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    if not image.has_transparency_data:
        return np.array(image.convert("RGB")), None
    bands = np.array(image.convert("RGBA"))
    return np.ascontiguousarray(bands[..., :3]), np.ascontiguousarray(bands[..., 3])
