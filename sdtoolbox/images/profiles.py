"""Colour profiles (ICC): from a picture's own colours to sRGB, which networks and screens are shown, and back.

Transforms are lcms's, of 8 bits, relative colorimetric with black point compensation, as browsers and editors do.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
UNUSABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, struct.error)
CURVES = (b"rTRC", b"gTRC", b"bTRC")


def to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """A picture in this profile, RGB or CMYK, as RGB of 8 bits in sRGB; without a profile it is sRGB already."""
    if icc is None:
        return picture.convert("RGB")
    try:
        found = ImageCms.applyTransform(picture, _transform(icc, picture.mode, to_srgb=True))
    except UNUSABLE:  # broken, or of another kind of colours than the picture has
        return picture.convert("RGB")
    assert found is not None  # only transforms in place give nothing
    return found


def from_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """An RGB picture in sRGB with the numbers that show the same in this profile: the inverse of `to_srgb`."""
    if icc is None:
        return picture
    found = ImageCms.applyTransform(picture, _transform(icc, "RGB", to_srgb=False))
    assert found is not None
    return found


def rgb_profile(icc: bytes | None) -> bytes | None:
    """The profile if it is one of RGB that leads both ways; one of greys as one of RGB with its curve; None else."""
    if not icc:
        return None
    try:
        space = ImageCms.getOpenProfile(BytesIO(icc)).profile.xcolor_space.strip()
        icc = _of_grey(icc) if space == "GRAY" else icc
        for to in (True, False):
            _transform(icc, "RGB", to_srgb=to)
    except UNUSABLE:
        return None
    return icc


@lru_cache(maxsize=16)
def _transform(icc: bytes, mode: str, *, to_srgb: bool) -> Any:
    theirs, srgb = ImageCms.getOpenProfile(BytesIO(icc)), ImageCms.createProfile("sRGB")
    if to_srgb:
        return ImageCms.buildTransform(theirs, srgb, mode, "RGB", INTENT, FLAGS)
    return ImageCms.buildTransform(srgb, theirs, "RGB", mode, INTENT, FLAGS)


def _of_grey(icc: bytes) -> bytes:
    """sRGB with the tone curve of a grey profile in place of its own: equal channels show as those greys did."""
    base = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    curve = _tags(icc)[b"kTRC"]
    tags = _tags(base) | dict.fromkeys(CURVES, curve)
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    # Bytes 24 to 35 are the moment of making: the same picture must give the same file at any time.
    head = struct.pack(">I", start + len(body)) + base[4:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + base[36:128]
    return head + table + body


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """The tags of a profile by name (ICC.1:2022, 7.3)."""
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = [struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 100))]
    return {name: icc[offset : offset + size] for name, offset, size in entries}
