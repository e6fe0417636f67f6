"""Pixels as the bytes of a PNG file, of 8 or 16 bits a channel, with texts and a colour profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin

AFTER_HEADER = 8 + 25
"""Where the chunk behind a PNG's header begins: the signature, and a header of 13 bytes in its frame."""


def encoded(pixels: np.ndarray, alpha: np.ndarray | None, icc: bytes | None, texts: Mapping[str, str]) -> bytes:
    """RGB [H, W, 3], uint8 or uint16, and alpha [H, W]; the same values give the same bytes."""
    info = _texts(texts)
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
    chunks = b"" if icc is None else _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc, 6))
    chunks += b"".join(_chunk(name, content) for name, content, *_ in info.chunks)
    return data[:AFTER_HEADER] + chunks + data[AFTER_HEADER:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
