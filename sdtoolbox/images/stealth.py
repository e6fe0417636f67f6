"""Text that hides in the lowest bits of a picture's pixels, as NovelAI and an extension of A1111 put it there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

MAGIC_BITS = 120
LENGTH_BITS = 32
LARGEST = 4 * 2**20
"""Bytes of text, packed or not: what claims to be larger is noise."""
# Where the bits lie, by magic word, and whether they are packed by gzip.
IN_ALPHA = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
IN_COLOURS = {b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}


def hidden_texts(image: Image.Image) -> dict[str, str]:
    """The texts by their names as if they stood in the file's own chunks; empty where none are hidden."""
    for bands, magics in (("A", IN_ALPHA), ("RGB", IN_COLOURS)):
        if all(band in image.getbands() for band in bands) and (text := _text(image, bands, magics)):
            return _named(text)
    return {}


def _text(image: Image.Image, bands: str, magics: Mapping[bytes, bool]) -> str:
    head = _bits(image, bands, MAGIC_BITS + LENGTH_BITS)
    magic, length = np.packbits(head[:MAGIC_BITS]).tobytes(), np.packbits(head[MAGIC_BITS:]).tobytes()
    count = int.from_bytes(length, "big")
    if magic not in magics or not 0 < count <= LARGEST * 8:
        return ""
    bits = _bits(image, bands, MAGIC_BITS + LENGTH_BITS + count)[MAGIC_BITS + LENGTH_BITS :]
    data = np.packbits(bits).tobytes()
    try:
        if magics[magic]:
            data = zlib.decompressobj(wbits=31).decompress(data, LARGEST)
        return data.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return ""


def _bits(image: Image.Image, bands: str, count: int) -> np.ndarray:
    """The first bits, column by column, each pixel's bands in turn; only the columns that are needed are looked at."""
    columns = -(-count // (image.height * len(bands)))
    part = image.crop((0, 0, min(columns, image.width), image.height))
    planes = np.stack([np.asarray(part.getchannel(band)) & 1 for band in bands], axis=-1)  # [h, w, bands]
    return planes.transpose(1, 0, 2).reshape(-1)[:count]


def _named(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"parameters": text}
    if not isinstance(found, dict):
        return {"parameters": text}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
