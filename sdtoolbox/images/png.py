"""Pixels as the bytes of a PNG file, of 8 or 16 bits a channel, with texts and a colour profile.

The format is that of the PNG specification, third edition (W3C 2025); chunks and filters are named as there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVEL = 4
"""Of zlib: a tenth larger than the usual 6, and three times as quick."""
AFTER_HEADER = 8 + 25
"""Where the chunk behind a PNG's header begins: the signature, and a header of 13 bytes in its frame."""
LARGE = 2**25
"""Pixels from which on a picture is encoded a band of rows at a time: other encoders copy it two or three times."""
BAND = 256
SUB, UP = 1, 2
"""Filters of a row: each value less that of the pixel before it, or above it."""


def pieces(
    pixels: np.ndarray, alpha: np.ndarray | None, icc: bytes | None, texts: Mapping[str, str]
) -> Iterator[bytes]:
    """RGB [H, W, 3], uint8 or uint16, and alpha [H, W]; the same values give the same bytes, in however many pieces."""
    if pixels.shape[0] * pixels.shape[1] < LARGE:
        yield _whole(pixels, alpha, icc, _texts(texts))
        return
    height, width = pixels.shape[:2]
    depth, colour = 8 * pixels.itemsize, 2 if alpha is None else 6
    yield SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    if icc is not None:
        yield _profile(icc)
    for name, content, *_ in _texts(texts).chunks:
        yield _chunk(name, content)
    packer = zlib.compressobj(LEVEL)
    above = np.zeros((1, width * (pixels.shape[2] + (alpha is not None)) * pixels.itemsize), np.uint8)
    for top in range(0, height, BAND):
        rows = _rows(pixels[top : top + BAND], None if alpha is None else alpha[top : top + BAND])
        packed = packer.compress(_filtered(rows, above, rows.shape[1] // width))
        above = rows[-1:]
        if packed:
            yield _chunk(b"IDAT", packed)
    yield _chunk(b"IDAT", packer.flush()) + _chunk(b"IEND", b"")


def _rows(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """The bytes of each row, [H, W * channels * bytes a channel], the higher byte first."""
    bands = pixels if alpha is None else np.dstack((pixels, alpha))
    ordered = np.ascontiguousarray(bands, bands.dtype.newbyteorder(">"))
    return ordered.view(np.uint8).reshape(bands.shape[0], -1)


def _filtered(rows: np.ndarray, above: np.ndarray, step: int) -> bytes:
    """Each row behind the number of its filter: the one that leaves smaller values, as the specification advises."""
    up = rows - np.concatenate((above, rows[:-1]))
    sub = rows.copy()
    sub[:, step:] -= rows[:, :-step]
    left = [np.abs(one.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for one in (up, sub)]
    better = left[0] <= left[1]
    found = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    found[:, 0] = np.where(better, UP, SUB)
    found[:, 1:] = np.where(better[:, None], up, sub)
    return found.tobytes()


def _whole(pixels: np.ndarray, alpha: np.ndarray | None, icc: bytes | None, info: PngImagePlugin.PngInfo) -> bytes:
    bands = pixels if alpha is None else np.dstack((pixels, alpha))
    if bands.dtype == np.uint16:
        return _deep(bands, icc, info)
    buffer = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(bands))
    image.save(buffer, "PNG", pnginfo=info, compress_level=6, icc_profile=icc)
    return buffer.getvalue()


def _texts(texts: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            info.add_itxt(key, text)
        else:
            info.add_text(key, text)
    return info


def _deep(bands: np.ndarray, icc: bytes | None, info: PngImagePlugin.PngInfo) -> bytes:
    """Pillow writes no colours of 16 bits, and OpenCV no texts: the chunks go into what OpenCV made."""
    import cv2

    swapped = bands[..., [2, 1, 0, 3][: bands.shape[-1]]]  # OpenCV's order is BGR
    done, buffer = cv2.imencode(".png", swapped)
    if not done:
        raise ValueError(f"no PNG can be made of {bands.shape} {bands.dtype}")
    data = buffer.tobytes()
    chunks = b"" if icc is None else _profile(icc)
    chunks += b"".join(_chunk(name, content) for name, content, *_ in info.chunks)
    return data[:AFTER_HEADER] + chunks + data[AFTER_HEADER:]


def _profile(icc: bytes) -> bytes:
    return _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc, 6))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
