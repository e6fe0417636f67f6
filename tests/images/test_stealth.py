"""Text in the lowest bits of pixels is found, and noise is not taken for text."""

from __future__ import annotations

import gzip
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images import dialects
from sdtoolbox.images.metadata import read_texts
from sdtoolbox.images.stealth import hidden_texts

TEXT = {"Software": "NovelAI", "Comment": json.dumps({"steps": 28, "sampler": "k_euler", "uc": "fog", "prompt": "猫"})}


def hide(magic: bytes, data: bytes, mode: str = "RGBA", length: int | None = None) -> Image.Image:
    """A grey picture with these bytes in its lowest bits, column by column."""
    count = len(data) * 8 if length is None else length
    bits = np.unpackbits(np.frombuffer(magic + count.to_bytes(4, "big") + data, np.uint8))
    pixels = np.full((40, max(200, len(bits) // 40 + 1), len(mode)), 254, np.uint8)
    planes = pixels.transpose(1, 0, 2).copy()
    bands = planes[:, :, 3:] if mode == "RGBA" else planes
    flat = bands.reshape(-1).copy()
    flat[: len(bits)] |= bits
    bands[...] = flat.reshape(bands.shape)
    return Image.fromarray(planes.transpose(1, 0, 2).copy(), mode)


@pytest.mark.parametrize(
    ("magic", "mode", "packed"),
    [
        (b"stealth_pnginfo", "RGBA", False),
        (b"stealth_pngcomp", "RGBA", True),
        (b"stealth_rgbinfo", "RGB", False),
        (b"stealth_rgbcomp", "RGB", True),
    ],
)
def test_texts_are_found_wherever_they_hide(magic: bytes, mode: str, packed: bool) -> None:
    data = json.dumps(TEXT).encode()
    image = hide(magic, gzip.compress(data) if packed else data, mode)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    said = dialects.read(read_texts(buffer.getvalue()))
    assert said is not None
    assert (said.tool, said.prompt, said.negative) == ("NovelAI", "猫", "fog")


def test_a_plain_text_is_the_parameters() -> None:
    assert hidden_texts(hide(b"stealth_pnginfo", b"a cat\nSteps: 5")) == {"parameters": "a cat\nSteps: 5"}


@pytest.mark.parametrize(
    "image",
    [
        hide(b"stealth_pngcomp", b"no gzip at all"),
        hide(b"stealth_pnginfo", b"\xff\xfe\xff"),
        hide(b"stealth_pnginfo", b"abc", length=2**32 - 1),
        hide(b"stealth_pnginfo", b"abc", length=0),
        Image.new("RGBA", (1, 1)),
        Image.new("RGBA", (1, 500), (255, 255, 255, 255)),
        Image.new("L", (64, 64)),
        Image.new("P", (64, 64)),
    ],
)
def test_noise_is_no_text(image: Image.Image) -> None:
    assert hidden_texts(image) == {}


def test_a_bomb_is_cut_off() -> None:
    found = hidden_texts(hide(b"stealth_pngcomp", gzip.compress(b"a" * 10**7)))
    assert len(found.get("parameters", "")) <= 4 * 2**20
