"""From a picture file to its pixels: upright, at their own depth, with alpha and profile."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdtoolbox.images.exif import orientation
from sdtoolbox.images.opening import FORMATS, load, opened, unreadable
from sdtoolbox.images.profiles import rgb_profile, to_srgb

BIT_DEPTH = 24
"""Where a PNG's header holds its bits a channel: Pillow does not tell, and makes 8 of 16."""


def decoded(data: bytes) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """RGB [H, W, 3] and alpha [H, W], both uint8 or both uint16, and the ICC profile of these numbers.

    Turned as EXIF says. Greys become RGB of equal channels, palettes their colours. CMYK becomes sRGB, since no PNG
    holds it. UserError as `opening.open_picture`.
    """
    image = opened(data, FORMATS)
    load(image)
    turn = orientation(image)
    stored = image.info.get("icc_profile")
    icc = None if image.mode == "CMYK" else rgb_profile(stored)
    if image.mode == "CMYK":
        image = to_srgb(image, stored)
    deep = image.format == "PNG" and data[BIT_DEPTH] == 16
    pixels, alpha = _deep(data, image) if deep else shallow(image)
    return upright(pixels, turn), None if alpha is None else upright(alpha, turn), icc


def upright(values: np.ndarray, turn: int) -> np.ndarray:
    """[H, W, …] as it is meant to be seen, given its orientation in EXIF, 1 to 8."""
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


def _deep(data: bytes, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    import cv2

    bands = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if bands is None or bands.dtype != np.uint16:
        raise unreadable(ValueError())
    bands = np.atleast_3d(bands)
    if bands.shape[2] == 4:
        return bands[..., 2::-1], bands[..., 3]
    pixels = bands[..., [2, 1, 0] if bands.shape[2] == 3 else [0, 0, 0]]
    clear = image.info.get("transparency")  # the one colour that is not seen
    if clear is None:
        return pixels, None
    return pixels, np.where((pixels == np.uint16(clear)).all(axis=2), np.uint16(0), np.uint16(65535))
