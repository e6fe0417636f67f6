"""Text inside picture files: the A1111 `parameters` for people and our exact JSON for `replay`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from sdtoolbox.errors import UserError

EXACT_KEY = "sdtoolbox"
PARAMETERS_KEY = "parameters"
FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_FILE = 256 * 2**20


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
    data = source if isinstance(source, bytes) else _read(source)
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            "IMAGE_INVALID",
            f"this is not a picture that can be read ({type(error).__name__}).",
            "Use PNG, JPEG or WebP.",
        ) from None
    return image


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError("IMAGE_TOO_LARGE", f"{path.name} is larger than 256 MB.", "Use a smaller file.")
        return path.read_bytes()
    except OSError as error:
        raise UserError("IMAGE_INVALID", f"{path.name} cannot be read: {error.strerror}.", "Check the name.") from None


def read_text(source: Path | bytes) -> PictureText:
    """Both texts of a picture file: PNG text chunks, or the EXIF user comment of JPEG and WebP."""
    image = open_picture(source)
    texts = {**getattr(image, "text", {})}
    parameters = texts.get(PARAMETERS_KEY) or _user_comment(image)
    try:
        exact = json.loads(texts[EXACT_KEY])
    except (KeyError, ValueError, RecursionError):
        exact = None
    return PictureText(parameters, exact if isinstance(exact, dict) else None)


def _user_comment(image: Image.Image) -> str | None:
    raw = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if not isinstance(raw, bytes):
        return raw
    if raw.startswith(b"UNICODE\0"):
        return raw[8:].decode("utf-16-be", "replace")
    return raw[8:].decode("ascii", "replace")
