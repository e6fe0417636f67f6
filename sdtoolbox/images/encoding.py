"""Rasters as files of the formats that people ask for by a name's ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, features

from sdtoolbox.errors import UserError
from sdtoolbox.images import tiff
from sdtoolbox.images.exif import UNICODE
from sdtoolbox.images.raster import Raster, eight_bits

QUALITY = 95
WHITE = 255
"""What shows through where a format without alpha is asked for."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a picture is written in one format: its longest side in pixels, and the function that does it."""

    encode: Callable[[Raster, str], bytes]
    longest: int


def encoded(raster: Raster, suffix: str, parameters: str = "") -> bytes:
    """The file with this ending of a raster, with a text for people where such files have it.

    TIFF keeps 16 bits; JPEG, WebP and AVIF have 8, and are written at quality 95. JPEG has no alpha: white shows
    through. The profile stays. UserError PARAM_INVALID for another ending, or a picture too long for the format.
    """
    way = WAYS.get(suffix.lower())
    if way is None:
        raise unknown(suffix)
    if max(raster.size) > way.longest:
        size = "x".join(map(str, raster.size))
        said = f"a {suffix} file cannot hold {size} pixels."
        raise UserError("PARAM_INVALID", said, f"At most {way.longest} a side; .png and .tif hold more.", "output")
    return way.encode(raster, parameters)


def unknown(suffix: str) -> UserError:
    """What is said of an ending that no format here has."""
    said = f"files that end in {suffix!r} cannot be written."
    return UserError("PARAM_INVALID", said, f"Use {', '.join(WAYS)}.", "output")


def _comment(parameters: str) -> bytes:
    """EXIF's user comment as A1111 writes it."""
    return UNICODE + parameters.encode("utf-16-be", "surrogatepass") if parameters else b""


def _png(raster: Raster, parameters: str) -> bytes:
    return raster.png({"parameters": parameters} if parameters else {})


def _tiff(raster: Raster, parameters: str) -> bytes:
    return tiff.encoded(raster.pixels, raster.alpha, raster.icc, _comment(parameters))


def _jpeg(raster: Raster, parameters: str) -> bytes:
    pixels = eight_bits(raster.pixels)
    if raster.alpha is not None:
        opaque = eight_bits(raster.alpha)[..., None].astype(np.float32) / 255
        pixels = np.rint(pixels * opaque + WHITE * (1 - opaque)).astype(np.uint8)
    return _saved(Image.fromarray(pixels), raster, parameters, "JPEG", subsampling=0)


def _with_alpha(format: str) -> Callable[[Raster, str], bytes]:
    def encode(raster: Raster, parameters: str) -> bytes:
        image = Image.fromarray(eight_bits(raster.pixels))
        if raster.alpha is not None:
            image.putalpha(Image.fromarray(eight_bits(raster.alpha)))
        return _saved(image, raster, parameters, format)

    return encode


def _saved(image: Image.Image, raster: Raster, parameters: str, format: str, **options: Any) -> bytes:
    if comment := _comment(parameters):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
        options["exif"] = (
            exif.tobytes()
        )  # Pillow takes the object, of which only the inner directory is full, for empty
    if raster.icc:
        options["icc_profile"] = raster.icc
    buffer = BytesIO()
    image.save(buffer, format, quality=QUALITY, **options)
    return buffer.getvalue()


WAYS = {
    ".png": Written(_png, 2**31 - 1),
    ".tif": Written(_tiff, 2**31 - 1),
    ".tiff": Written(_tiff, 2**31 - 1),
    ".jpg": Written(_jpeg, 65_500),
    ".jpeg": Written(_jpeg, 65_500),
    ".webp": Written(_with_alpha("WEBP"), 16_383),
} | ({".avif": Written(_with_alpha("AVIF"), 65_536)} if features.check("avif") else {})
"""By the ending of a file's name."""
