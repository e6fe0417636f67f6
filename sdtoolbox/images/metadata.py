"""Text inside picture files: the A1111 `parameters` for people and our exact JSON for `replay`."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, features

from sdtoolbox.errors import UserError
from sdtoolbox.images.dialects.said import json_object
from sdtoolbox.images.exif import exif_texts
from sdtoolbox.images.stealth import hidden_texts

EXACT_KEY = "sdtoolbox"
PARAMETERS_KEY = "parameters"
FORMATS = ("PNG", "JPEG", "WEBP")
TEXT_FORMATS = (*FORMATS, "AVIF") if features.check("avif") else FORMATS
LARGEST_FILE = 256 * 2**20
MOST_PIXELS = 120_000_000
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, MemoryError),
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class PictureText:
    """What a picture file says about itself; None where it says nothing."""

    parameters: str | None
    exact: dict[str, Any] | None


def png_bytes(image: Image.Image, parameters: str, exact: Mapping[str, Any]) -> bytes:
    """The picture as a PNG file with both texts; the same picture and texts give the same bytes."""
    info = PngImagePlugin.PngInfo()
    for key, text in ((PARAMETERS_KEY, parameters), (EXACT_KEY, json.dumps(exact, sort_keys=True, ensure_ascii=False))):
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            info.add_itxt(key, text)
        else:
            info.add_text(key, text)
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=6)
    return buffer.getvalue()


def open_picture(source: Path | bytes) -> Image.Image:
    """The picture in a PNG, JPEG or WebP file, decoded; UserError IMAGE_INVALID in words for all else."""
    image = _opened(source, FORMATS)
    _load(image)
    return image


def _opened(source: Path | bytes, formats: tuple[str, ...]) -> Image.Image:
    data = source if isinstance(source, bytes) else _read(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is the one that counts
            image = Image.open(BytesIO(data), formats=formats)
    except UNREADABLE as error:
        raise _unreadable(error) from None
    if image.width * image.height > MOST_PIXELS:
        said = f"the picture has {image.width}x{image.height} pixels."
        raise UserError("IMAGE_TOO_LARGE", said, f"At most {MOST_PIXELS // 10**6} million can be read.")
    return image


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except UNREADABLE as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> UserError:
    said = f"this is not a picture that can be read ({type(error).__name__})."
    return UserError("IMAGE_INVALID", said, "Use PNG, JPEG or WebP.")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError("IMAGE_TOO_LARGE", f"{path.name} is larger than 256 MB.", "Use a smaller file.")
        return path.read_bytes()
    except OSError as error:
        raise UserError("IMAGE_INVALID", f"{path.name} cannot be read: {error.strerror}.", "Check the name.") from None


def read_text(source: Path | bytes) -> PictureText:
    """Both texts of a picture file: PNG text chunks, or the EXIF user comment of JPEG, WebP and AVIF."""
    texts = read_texts(source)
    exact = json_object(texts.get(EXACT_KEY))
    return PictureText(texts.get(PARAMETERS_KEY) or None, exact or None)


def read_texts(source: Path | bytes) -> dict[str, str]:
    """Every text in a picture file by the name under which it stands there, in EXIF and hidden in its pixels too.

    UserError IMAGE_INVALID for what is no PNG, JPEG, WebP or AVIF file.
    """
    image = _opened(source, TEXT_FORMATS)
    _load(image)  # text may stand behind the pixels, and a file that is cut off says so
    texts = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    return hidden_texts(image) | exif_texts(image) | texts
