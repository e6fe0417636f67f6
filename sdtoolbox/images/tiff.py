"""Pixels as the bytes of a TIFF file, of 8 or 16 bits a channel, with alpha, a colour profile and text in EXIF."""

from __future__ import annotations

import struct
import zlib

import numpy as np

SHORT, LONG, UNDEFINED = 3, 4, 7
SIZES = {SHORT: 2, LONG: 4, UNDEFINED: 1}
DEFLATE, RGB, TOGETHER, DIFFERENCES, STRAIGHT = 8, 2, 1, 2, 2
"""Of Compression, PhotometricInterpretation, PlanarConfiguration, Predictor and ExtraSamples (TIFF 6.0)."""
STRIP = 2**20
"""Bytes of pixels a strip, about."""
HEADER = struct.Struct("<2sHI")
Tag = tuple[int, int, "bytes | list[int]"]
"""Number, type, and what it says."""


def encoded(pixels: np.ndarray, alpha: np.ndarray | None, icc: bytes | None, comment: bytes = b"") -> bytes:
    """RGB [H, W, 3], uint8 or uint16, and alpha [H, W], straight; `comment` is EXIF's user comment.

    Little-endian, losslessly compressed in strips; the same values give the same bytes. ValueError for what is larger
    than the 4 GiB that such a file can hold.
    """
    bands = pixels if alpha is None else np.dstack((pixels, alpha))
    height, width, count = bands.shape
    rows = max(1, STRIP // (width * count * bands.itemsize))
    strips = [_strip(bands[start : start + rows]) for start in range(0, height, rows)]
    starts = [HEADER.size + sum(map(len, strips[:i])) for i in range(len(strips))]
    tags: list[Tag] = [
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8 * bands.itemsize] * count),
        (259, SHORT, [DEFLATE]),
        (262, SHORT, [RGB]),
        (273, LONG, starts),
        (277, SHORT, [count]),
        (278, LONG, [rows]),
        (279, LONG, list(map(len, strips))),
        (284, SHORT, [TOGETHER]),
        (317, SHORT, [DIFFERENCES]),
    ]
    tags += [(338, SHORT, [STRAIGHT])] if alpha is not None else []
    tags += [(34675, UNDEFINED, icc)] if icc else []
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)
    if comment:
        tags.append((34665, LONG, [HEADER.size + len(body)]))
        body += _directory([(37510, UNDEFINED, comment)], HEADER.size + len(body))
    at = HEADER.size + len(body)
    if at >= 2**32:
        raise ValueError("larger than 4 GiB")
    return HEADER.pack(b"II", 42, at) + body + _directory(tags, at)


def _strip(bands: np.ndarray) -> bytes:
    """Compressed, each value as its difference from the one to the left."""
    little = bands.astype(bands.dtype.newbyteorder("<"))
    little[:, 1:] -= bands[:, :-1]
    return zlib.compress(little.tobytes(), 6)


def _directory(tags: list[Tag], at: int) -> bytes:
    """A directory that stands at an offset in the file, with the values that are too long for it behind it."""
    behind = at + 2 + 12 * len(tags) + 4
    entries, long = b"", b""
    for number, kind, value in sorted(tags, key=lambda tag: tag[0]):  # as TIFF 6.0 wants them
        data = (
            value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{'H' if kind == SHORT else 'I'}", *value)
        )
        entries += struct.pack("<HHI", number, kind, len(data) // SIZES[kind])
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", behind + len(long))
            long += data + b"\0" * (len(data) % 2)
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + long
