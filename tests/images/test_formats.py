"""Files of every kind that people bring are read as what they show, and those that are asked for are written."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from sdtoolbox.errors import UserError
from sdtoolbox.images import tiff
from sdtoolbox.images.encoding import WAYS, encoded
from sdtoolbox.images.masks import read_mask
from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import FORMATS, NAMES
from sdtoolbox.images.raster import Raster, eight_bits
from tests.images.pictures import TURNS, noise, saved, turned, wide_gamut
from tests.images.test_raster import QUARTERS, same

PALETTE = QUARTERS.quantize(3)
KINDS = {"P": lambda mode: PALETTE, "PA": PALETTE.convert}
LOSSLESS = ["TIFF", "BMP", "GIF"]
TEXT = "a house\nSteps: 3, Sampler: Euler, Seed: 5, Size: 9x5 红"


def cv_tiff(bands: np.ndarray) -> bytes:
    """As OpenCV writes it: bands in RGB order come out so."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[bands.shape[2]]
    return bytes(cv2.imencode(".tif", np.ascontiguousarray(bands[..., order]))[1])


def with_tag(data: bytes, number: int, value: int) -> bytes:
    """A file of `tiff.encoded` whose tag 284 says something else: it is the default anyway."""
    place = data.index((284).to_bytes(2, "little") + b"\x03\0\x01\0\0\0\x01\0\0\0")
    return (
        data[:place]
        + number.to_bytes(2, "little")
        + b"\x03\0\x01\0\0\0"
        + value.to_bytes(4, "little")
        + data[place + 12 :]
    )


def big_endian(values: np.ndarray) -> bytes:
    """A plain grey TIFF of 16 bits with the other order of bytes, as some scanners write."""
    height, width = values.shape
    tags = [(256, 4, width), (257, 4, height), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, values.nbytes)]
    body = values.astype(">u2").tobytes()
    entries = b"".join(
        n.to_bytes(2, "big")
        + k.to_bytes(2, "big")
        + (1).to_bytes(4, "big")
        + (v.to_bytes(2, "big") + b"\0\0" if k == 3 else v.to_bytes(4, "big"))
        for n, k, v in tags
    )
    return b"MM\0*" + (8 + len(body)).to_bytes(4, "big") + body + len(tags).to_bytes(2, "big") + entries + b"\0" * 4


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_give_every_bit(format: str) -> None:
    assert np.array_equal(Raster.read(saved(QUARTERS, format)).pixels, np.asarray(QUARTERS))


@pytest.mark.skipif("AVIF" not in FORMATS, reason="Pillow was built without AVIF")
def test_avif_is_read() -> None:
    raster = Raster.read(saved(QUARTERS, "AVIF", quality=100))
    assert np.abs(raster.pixels.astype(int) - np.asarray(QUARTERS)).mean() < 5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_every_kind_of_pixels_is_read(format: str, mode: str) -> None:
    if (format, mode) in {("PNG", "CMYK"), ("PNG", "PA")}:
        return
    image = QUARTERS.convert("L").convert("I;16") if mode == "I;16" else KINDS.get(mode, QUARTERS.convert)(mode)
    raster = Raster.read(saved(image, format))
    assert raster.size == QUARTERS.size and (raster.alpha is not None) == mode.endswith("A")
    assert raster.pixels.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    if mode in ("P", "PA", "RGB", "RGBA"):
        assert np.array_equal(raster.pixels, np.asarray(QUARTERS))


@pytest.mark.parametrize("format", ["GIF", "PNG", "TIFF"])
def test_frames_and_transparency(format: str) -> None:
    image = PALETTE
    other = Image.new("P", image.size)
    data = saved(image, format, save_all=True, append_images=[other])
    assert np.array_equal(Raster.read(data).pixels, np.asarray(QUARTERS))
    if format != "TIFF":
        alpha = Raster.read(saved(image, format, transparency=0)).alpha
        assert alpha is not None and np.array_equal(alpha == 0, np.asarray(image) == 0)


@pytest.mark.parametrize("count", [1, 3])
def test_tiffs_of_others_keep_16_bits(count: int) -> None:
    bands = noise(5, 7, count, depth=16)
    raster = Raster.read(cv_tiff(bands))
    assert np.array_equal(raster.pixels, np.broadcast_to(bands, (5, 7, 3))) and raster.alpha is None


def test_the_other_order_of_bytes() -> None:
    values = noise(5, 7, depth=16)
    assert np.array_equal(Raster.read(big_endian(values)).pixels[..., 1], values)


def test_white_may_be_zero() -> None:
    values = noise(5, 7, depth=16)
    data = bytearray(saved(Image.fromarray(values), "TIFF"))
    place = data.index(b"\x06\x01\x03\0\x01\0\0\0\x01")  # the tag that says what 0 is
    data[place + 8] = 0
    assert np.array_equal(Raster.read(bytes(data)).pixels[..., 0], 65535 - values)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("icc", [None, wide_gamut()])
@pytest.mark.parametrize("size", [(5, 9), (1, 1), (700, 600)])
def test_a_tiff_gives_back_every_bit(depth: int, alpha: bool, icc: bytes | None, size: tuple[int, int]) -> None:
    raster = Raster(noise(*size, 3, depth=depth), noise(*size, depth=depth, seed=1) if alpha else None, icc)
    data = encoded(raster, ".TIF", TEXT)
    assert same(Raster.read(data), raster) and read_text(data).parameters == TEXT
    assert data == encoded(raster, ".tiff", TEXT)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(theirs[..., 2::-1], raster.pixels) or (alpha and depth == 8)  # OpenCV multiplies those


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("orientation", TURNS)
def test_tiffs_come_upright(orientation: int, depth: int) -> None:
    if depth == 8:
        assert np.array_equal(Raster.read(turned(QUARTERS, orientation, "TIFF")).pixels, np.asarray(QUARTERS))
    back = {6: 8, 8: 6}.get(orientation, orientation)
    turn = TURNS[back]
    lying = np.asarray(QUARTERS if turn is None else QUARTERS.transpose(turn))
    deep = depth == 16
    data = tiff.encoded(lying.astype(np.uint16) * 257 if deep else lying, None, None)
    raster = Raster.read(with_tag(data, 274, orientation))
    assert np.array_equal(eight_bits(raster.pixels), np.asarray(QUARTERS))
    assert raster.pixels.dtype == (np.uint16 if deep else np.uint8)


def test_colours_multiplied_with_alpha_are_divided_again() -> None:
    pixels, alpha = noise(6, 8, 3, depth=16), noise(6, 8, depth=16, seed=1) | 1
    multiplied = (pixels.astype(np.uint64) * alpha[..., None] // 65535).astype(np.uint16)
    data = tiff.encoded(multiplied, alpha, None)
    place = data.index((338).to_bytes(2, "little") + b"\x03\0\x01\0\0\0\x02")
    raster = Raster.read(data[: place + 8] + b"\x01" + data[place + 9 :])
    off = np.abs(raster.pixels.astype(int) - pixels) * (alpha[..., None] / 65535)
    assert off.max() < 2 and np.array_equal(raster.alpha, alpha)


def test_fractions_are_read_and_numbers_without_white_are_refused() -> None:
    values = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    assert np.array_equal(Raster.read(saved(Image.fromarray(values), "TIFF")).pixels[..., 0], np.rint(values * 65535))
    for odd in (values * 300, np.full((4, 4), np.nan, np.float32), np.full((4, 4), 70_000, np.int32)):
        with pytest.raises(UserError, match="beyond those of a picture"):
            Raster.read(saved(Image.fromarray(odd), "TIFF"))


def test_the_small_copy_in_a_raw_file_is_not_taken_for_the_picture() -> None:
    data = with_tag(tiff.encoded(noise(4, 4, 3), None, None), 254, 1)
    with pytest.raises(UserError, match="raw files"):
        Raster.read(data)


def test_channels_by_themselves_are_refused_rather_than_mixed_up() -> None:
    data = with_tag(tiff.encoded(noise(6, 9, 3, depth=16), None, None), 284, 2)
    with pytest.raises(UserError, match="each channel by itself"):
        Raster.read(data)


def test_a_faint_mask_in_a_lossless_file_stays() -> None:
    mask = np.full((6, 8), 5, np.uint8)
    assert (read_mask(saved(Image.fromarray(mask), "TIFF"), (8, 6)) == np.float32(5 / 255)).all()


def test_cmyk_of_adobe_is_not_inverted() -> None:
    for format in ("JPEG", "TIFF"):
        red, green, blue = (
            Raster.read(saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), format)).pixels[4, 4].astype(int)
        )
        assert blue > 150 and green > 90 > red


def refused_or_read(data: bytes) -> bool:
    """Nothing but a UserError may come of a file, however bent."""
    try:
        return Raster.read(data).pixels.ndim == 3
    except UserError as error:
        return error.code in ("IMAGE_INVALID", "IMAGE_TOO_LARGE") and bool(error.hint)


@pytest.mark.parametrize("format", FORMATS)
def test_bent_files_are_said_in_words(format: str) -> None:
    whole = saved(QUARTERS, format)
    random = np.random.default_rng(0)
    for i in range(60):
        data = bytearray(whole[: random.integers(9, len(whole))] if i % 2 else whole)
        for _ in range(random.integers(0, 6)):
            data[random.integers(4, len(data))] = random.integers(256)
        assert refused_or_read(bytes(data))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bent_deep_tiffs_are_said_in_words(data: st.DataObject) -> None:
    whole = bytearray(tiff.encoded(noise(6, 5, 3, depth=16), noise(6, 5, depth=16), None, b"ASCII\0\0\0hello"))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(2, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert refused_or_read(bytes(whole))


@pytest.mark.parametrize("suffix", WAYS)
def test_every_format_that_is_written_is_read(suffix: str) -> None:
    pixels = np.asarray(QUARTERS.resize((96, 64), Image.Resampling.BILINEAR))
    alpha = np.full((64, 96), 200, np.uint8)
    raster = Raster(pixels, alpha, wide_gamut())
    data = encoded(raster, suffix, TEXT)
    found = Raster.read(data)
    assert found.icc == raster.icc and read_text(data).parameters == TEXT
    assert data == encoded(raster, suffix, TEXT)
    if suffix in (".jpg", ".jpeg"):
        pixels = np.rint(255 - (255 - pixels.astype(float)) * 200 / 255)  # on white
        assert found.alpha is None
    else:
        assert found.alpha is not None and np.abs(found.alpha.astype(int) - alpha).max() <= 2
    assert np.abs(found.pixels - pixels.astype(float)).mean() < 3
    assert not read_text(encoded(raster, suffix)).parameters


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_stay(suffix: str) -> None:
    raster = Raster(noise(5, 6, 3, depth=16), noise(5, 6, depth=16, seed=1))
    assert same(Raster.read(encoded(raster, suffix)), raster)


def test_what_cannot_be_written_is_refused_in_words() -> None:
    with pytest.raises(UserError, match=r"'\.psd' cannot be written") as caught:
        encoded(Raster(noise(4, 4, 3)), ".psd")
    assert ".png" in caught.value.hint
    with pytest.raises(UserError, match="cannot hold 16384x1 pixels"):
        encoded(Raster(noise(1, 16_384, 3)), ".webp")


def test_the_hint_names_what_is_read() -> None:
    assert ("AVIF" in NAMES) == features.check("avif")
    assert all(name.casefold() in NAMES.casefold() for name in FORMATS)
    assert Image.open(BytesIO(saved(QUARTERS, "BMP"))).format in FORMATS
