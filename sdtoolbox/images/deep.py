"""More than 8 bits a channel: what Pillow makes 8 of, and what it keeps in kinds of its own."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.opening import UNREADABLE, unreadable

BIT_DEPTH = 24
"""Where a PNG's header holds its bits a channel."""
WHITE = 65535
BITS, PHOTOMETRIC, ORIENTATION, PLANES, EXTRA, KIND = 258, 262, 274, 284, 338, 254
"""Tags of TIFF 6.0."""
REDUCED, WHITE_IS_ZERO, APART, ASSOCIATED = 1, 0, 2, 1
SINGLE = ("I;16", "I;16B", "I;16L", "I", "F")
"""Pillow's kinds of greys that are not of 8 bits."""


def is_deep(data: bytes, image: Image.Image) -> bool:
    """Whether a picture that was opened, but not yet decoded, has more than 8 bits a channel that can be kept.

    UserError IMAGE_INVALID for TIFF files that decoders would read, but as something else.
    """
    if image.format == "PNG":
        return data[BIT_DEPTH] == 16
    if image.format != "TIFF":
        return False
    if tag(image, KIND, 0) & REDUCED:
        said = "the first picture in this TIFF file is only a small copy, as in a camera's raw files."
        raise UserError("IMAGE_INVALID", said, "Export it as TIFF, PNG or JPEG from a raw converter.")
    if image.mode in SINGLE:
        return True
    deep = tag(image, BITS, 8) == 16
    if deep and tag(image, PLANES, 1) == APART:  # which neither Pillow nor OpenCV puts together rightly
        said = "this TIFF file holds 16 bits with each channel by itself, which cannot be read."
        raise UserError("IMAGE_INVALID", said, "Save it with its channels interleaved, or as PNG.")
    return deep and image.mode in ("RGB", "RGBA")


def tag(image: Image.Image, number: int, otherwise: int) -> int:
    """A whole number among the tags of a TIFF file, of several the first."""
    try:
        value = getattr(image, "tag_v2", {}).get(number, otherwise)
    except UNREADABLE:
        return otherwise
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else otherwise


def deep_pixels(data: bytes, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """RGB [H, W, 3] and alpha [H, W], uint16, of a deep picture that was decoded; and whether Pillow turned it upright.

    UserError IMAGE_INVALID for what no decoder reads, and for numbers without a known white.
    """
    if image.format == "TIFF" and image.mode in SINGLE:
        grey = _grey(image)
        return np.repeat(grey[..., None], 3, axis=2), None, True
    bands = _bands(data)
    if bands.shape[2] == 4:
        colours, alpha = bands[..., 2::-1], bands[..., 3]
        if image.format == "TIFF" and image.mode == "RGB":
            return colours, None, False  # the fourth means nothing
        if tag(image, EXTRA, 0) == ASSOCIATED:
            colours = _straight(colours, alpha)
        return colours, alpha, False
    pixels = bands[..., [2, 1, 0] if bands.shape[2] == 3 else [0, 0, 0]]
    clear = image.info.get("transparency")  # the one colour that is not seen
    if clear is None:
        return pixels, None, False
    return pixels, np.where((pixels == np.uint16(clear)).all(axis=2), np.uint16(0), np.uint16(WHITE)), False


def _bands(data: bytes) -> np.ndarray:
    """uint16 [H, W, 1 to 4], colours in OpenCV's order."""
    import cv2

    try:
        bands = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise unreadable(error) from None
    if bands is None or bands.dtype != np.uint16:
        raise unreadable(ValueError())
    return np.atleast_3d(bands)


def _straight(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours that were multiplied with alpha, without it."""
    whole = colours.astype(np.uint64) * WHITE // np.maximum(alpha, 1).astype(np.uint64)[..., None]
    found: np.ndarray = np.minimum(whole, WHITE).astype(np.uint16)
    return found


def _grey(image: Image.Image) -> np.ndarray:
    """uint16 [H, W] of a TIFF of one channel: whole numbers of up to 16 bits, or fractions from 0 to 1."""
    values: np.ndarray = np.array(image)
    if image.mode == "F":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise _unknown_white()
        return np.rint(values * np.float32(WHITE)).astype(np.uint16)
    if image.mode == "I" and (values.min() < 0 or values.max() > WHITE):
        raise _unknown_white()
    if 8 < (bits := tag(image, BITS, 16)) < 16:
        values = values.astype(np.uint32) * WHITE // (2**bits - 1)
    found: np.ndarray = values.astype(np.uint16)
    return np.subtract(WHITE, found, dtype=np.uint16) if tag(image, PHOTOMETRIC, 1) == WHITE_IS_ZERO else found


def _unknown_white() -> UserError:
    said = "the numbers in this TIFF file go beyond those of a picture."
    return UserError("IMAGE_INVALID", said, "Allowed are whole numbers to 65535, or fractions from 0 to 1.")
