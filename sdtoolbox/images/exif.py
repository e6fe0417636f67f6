"""EXIF: how a picture lies, and text where JPEG, WebP and AVIF have it, or where some programs put it besides."""

from __future__ import annotations

import struct
from typing import Any

from PIL import ExifTags, Image

CODES = {b"ASCII\0\0\0": "ascii", b"\0" * 8: "utf-8"}
UNICODE = b"UNICODE\0"
WORKFLOW_TAGS = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.ImageDescription)
WORKFLOW_NAMES = ("prompt", "workflow")
BENT = (ValueError, SyntaxError, OSError, struct.error, KeyError, TypeError)
"""What Pillow raises on EXIF that somebody cut or bent."""


def orientation(image: Image.Image) -> int:
    """How a picture that was decoded lies, 1 to 8 as EXIF counts; 1, upright, where it does not say."""
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation)
    except BENT:
        return 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def exif_texts(image: Image.Image) -> dict[str, str]:
    """The texts in a picture's EXIF by the names that they have in PNG files."""
    try:
        exif = image.getexif()
        inner = dict(exif.get_ifd(ExifTags.IFD.Exif))
    except BENT:
        return {}
    tags = {**inner, **dict(exif)}  # Fooocus puts its user comment into the outer directory
    texts: dict[str, str] = {}
    if comment := _decoded(tags.get(ExifTags.Base.UserComment)):
        texts["parameters"] = comment
    if (scheme := _decoded(tags.get(ExifTags.Base.MakerNote))) in ("fooocus", "a1111"):
        texts["fooocus_scheme"] = scheme
    for tag in WORKFLOW_TAGS:
        name, colon, value = _decoded(tags.get(tag)).partition(":")
        if colon and name.strip().casefold() in WORKFLOW_NAMES:
            texts[name.strip().casefold()] = value.strip()
    return texts


def _decoded(raw: Any) -> str:
    if isinstance(raw, str):
        return raw.strip("\0 ")
    if not isinstance(raw, bytes):
        return ""
    if raw.startswith(UNICODE):
        return _utf16(raw[len(UNICODE) :])
    code = CODES.get(raw[:8])
    return (raw[8:] if code else raw).decode(code or "utf-8", "replace").strip("\0 ")


def _utf16(raw: bytes) -> str:
    """Either byte order: the standard leaves it open, and of most letters the high byte is 0."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    little = raw[1::2].count(0) > raw[0::2].count(0)
    return raw.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0")
