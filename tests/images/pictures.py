"""Picture files of every kind, made by hand where no library writes them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

ORIENTATION = 0x0112
# How a viewer turns what lies in the file, by Pillow's own words.
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def noise(*shape: int, depth: int = 8, seed: int = 0) -> np.ndarray:
    """Random values of 8 or 16 bits."""
    kind = np.uint8 if depth == 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 2**depth, shape, dtype=kind)


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file in its frame."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png16(bands: np.ndarray, *extra: bytes) -> bytes:
    """A PNG of 16 bits: grey, grey with alpha, RGB or RGBA from [H, W, 1 to 4]; `extra` chunks before the data."""
    height, width, count = bands.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[count]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in bands)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """The file that Pillow makes of it."""
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def turned(image: Image.Image, orientation: int, format: str = "PNG", **options: Any) -> bytes:
    """A file that a viewer shows as `image`, whose pixels lie as this orientation says."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    back = {6: 8, 8: 6}.get(orientation, orientation)  # all others are their own inverse
    turn = TURNS[back]
    return saved(image if turn is None else image.transpose(turn), format, exif=exif, **options)


def wide_gamut() -> bytes:
    """An RGB profile whose colours are not sRGB's: red and blue exchanged, a straight curve."""
    return profile(lambda x: x, swapped=True)


def profile(curve: Any, *, swapped: bool = False) -> bytes:
    """A matrix profile of RGB with a tone curve, a function of [0, 1], and perhaps two primaries exchanged."""
    base = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = struct.unpack_from(">I", base, 128)[0]
    entries = [struct.unpack_from(">4sII", base, 132 + 12 * i) for i in range(count)]
    tags = {name: base[start : start + size] for name, start, size in entries}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve_tag(curve))
    if swapped:
        tags[b"rXYZ"], tags[b"bXYZ"] = tags[b"bXYZ"], tags[b"rXYZ"]
    return assembled(base[:128], tags)


def grey_profile(curve: Any) -> bytes:
    """A profile of greys with this curve."""
    base = profile(curve)
    count = struct.unpack_from(">I", base, 128)[0]
    entries = [struct.unpack_from(">4sII", base, 132 + 12 * i) for i in range(count)]
    tags = {name: base[start : start + size] for name, start, size in entries}
    kept = {name: tags[name] for name in (b"desc", b"cprt", b"wtpt")} | {b"kTRC": tags[b"rTRC"]}
    return assembled(base[:16] + b"GRAY" + base[20:128], kept)


def curve_tag(curve: Any) -> bytes:
    """A tone curve of 256 points."""
    points = [round(curve(i / 255) * 65535) for i in range(256)]
    return b"curv\0\0\0\0" + struct.pack(">I", 256) + struct.pack(">256H", *points)


def assembled(head: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of a header and tags."""
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    return struct.pack(">I", start + len(body)) + head[4:] + table + body
