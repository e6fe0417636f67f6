"""What a file holds comes out of it upright, at its own depth, and goes back into one bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_bytes, read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.images.raster import Raster
from tests.images.pictures import TURNS, chunk, grey_profile, noise, png16, profile, saved, turned, wide_gamut

# The upper left quarter is red, so no two orientations look the same.
QUARTERS = Image.new("RGB", (48, 32), (0, 0, 200))
QUARTERS.paste((220, 0, 0), (0, 0, 24, 16))
QUARTERS.paste((0, 180, 0), (24, 0, 48, 16))


def same(one: Raster, other: Raster) -> bool:
    alphas = [raster.alpha for raster in (one, other)]
    if any(alpha is None for alpha in alphas) and alphas != [None, None]:
        return False
    kinds = one.icc == other.icc and one.pixels.dtype == other.pixels.dtype
    return kinds and np.array_equal(one.pixels, other.pixels) and np.array_equal(*alphas)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_kind_of_png_is_read_at_its_depth(depth: int, count: int) -> None:
    bands = noise(5, 7, count, depth=depth)
    data = png16(bands) if depth == 16 else saved(Image.fromarray(bands.squeeze()))
    raster = Raster.read(data)
    colours = bands[..., :3] if count > 2 else bands[..., :1].repeat(3, axis=2)
    assert raster.pixels.dtype == (np.uint16 if depth == 16 else np.uint8)
    assert np.array_equal(raster.pixels, colours)
    assert raster.alpha is None if count % 2 else np.array_equal(raster.alpha, bands[..., -1])
    assert raster.size == (7, 5)


@pytest.mark.parametrize("count", [1, 3])
def test_the_transparent_colour_of_16_bits_is_transparent(count: int) -> None:
    bands = noise(4, 6, count, depth=16)
    clear = b"".join(int(value).to_bytes(2, "big") for value in bands[1, 2])
    raster = Raster.read(png16(bands, chunk(b"tRNS", clear)))
    assert raster.alpha is not None and raster.alpha.dtype == np.uint16
    expected = np.full((4, 6), 65535)
    expected[1, 2] = 0
    assert np.array_equal(raster.alpha, expected)
    assert np.array_equal(raster.pixels, np.broadcast_to(bands, (4, 6, 3)))


def test_palettes_keep_their_colours_and_their_transparency() -> None:
    image = QUARTERS.quantize(3)
    assert np.array_equal(Raster.read(saved(image)).pixels, np.asarray(QUARTERS))
    raster = Raster.read(saved(image, transparency=0))
    assert np.array_equal(raster.pixels, np.asarray(QUARTERS))
    assert raster.alpha is not None and np.array_equal(raster.alpha == 0, np.asarray(image) == 0)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_all_orientations_come_upright_once(format: str, orientation: int) -> None:
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {"lossless": True} if format == "WEBP" else {}
    raster = Raster.read(turned(QUARTERS, orientation, format, **options))
    assert np.abs(raster.pixels.astype(int) - np.asarray(QUARTERS)).max() < (12 if format == "JPEG" else 1)
    assert same(Raster.read(raster.png()), raster)  # what is written lies upright and says nothing else


def test_alpha_and_16_bits_are_turned_too() -> None:
    bands = noise(4, 6, 4, depth=16)
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6
    raster = Raster.read(png16(bands, chunk(b"eXIf", exif)))
    upright = np.rot90(bands, -1)
    assert np.array_equal(raster.pixels, upright[..., :3])
    assert np.array_equal(raster.alpha, upright[..., 3])


def test_of_several_frames_the_first_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    for format, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert (Raster.read(data).pixels == (255, 0, 0)).all()


def test_cmyk_becomes_srgb() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    raster = Raster.read(saved(image, "JPEG", quality=100))
    assert raster.icc is None
    red, green, blue = raster.pixels.reshape(-1, 3).mean(axis=0)
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize(
    "data", [b"", b"<html>", saved(QUARTERS)[:60], saved(QUARTERS, "PPM"), png16(noise(9, 9, 3, depth=16))[:300]]
)
def test_what_is_no_picture_is_said_in_words(data: bytes) -> None:
    with pytest.raises(UserError, match="not a picture") as caught:
        Raster.read(data)
    assert caught.value.code == "IMAGE_INVALID"


@pytest.mark.parametrize(("side", "said"), [(30000, "too many"), (11000, "11000x11000")])
def test_a_picture_beyond_the_limit_is_refused_by_its_header(side: int, said: str) -> None:
    data = bytearray(png16(noise(1, 1, 3, depth=16)))
    data[8:33] = chunk(b"IHDR", side.to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0]))
    with pytest.raises(UserError, match=said) as caught:
        Raster.read(bytes(data))
    assert caught.value.code == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("icc", [None, wide_gamut()])
def test_a_file_gives_back_every_bit(depth: int, alpha: bool, icc: bytes | None) -> None:
    raster = Raster(noise(5, 9, 3, depth=depth), noise(5, 9, depth=depth, seed=1) if alpha else None, icc)
    texts = {"parameters": "a house\nSteps: 3", "sdtoolbox": '{"prompt": "红色的房子"}'}
    data = raster.png(texts)
    assert data == raster.png(texts)
    assert same(Raster.read(data), raster)
    image = open_picture(data)
    assert image.size == (9, 5)
    assert {key: image.info[key] for key in texts} == texts
    assert image.info.get("icc_profile") == icc
    assert read_text(data).exact == {"prompt": "红色的房子"}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([8, 16]), st.booleans(), st.integers(0, 2**31))
def test_any_size_survives_a_file(width: int, height: int, depth: int, alpha: bool, seed: int) -> None:
    pixels = noise(height, width, 3, depth=depth, seed=seed)
    raster = Raster(pixels, noise(height, width, depth=depth, seed=seed + 1) if alpha else None)
    assert same(Raster.read(raster.png()), raster)


def test_the_file_of_a_drawn_picture_is_pillows() -> None:
    data = png_bytes(QUARTERS, "a house", {"seed": 1})
    assert np.array_equal(np.asarray(open_picture(data)), np.asarray(QUARTERS))
    assert data == png_bytes(Raster.of(QUARTERS), "a house", {"seed": 1})


def test_networks_see_8_bits_in_srgb() -> None:
    deep = Raster(np.array([[[0, 257 * 100 + 128, 65535], [128, 129, 257 * 7]]], np.uint16))
    assert np.array_equal(np.asarray(deep.picture()), [[[0, 100, 255], [0, 1, 7]]])
    foreign = Raster(np.full((4, 4, 3), (255, 0, 0), np.uint8), icc=wide_gamut())
    red, green, blue = foreign.picture().getpixel((1, 1))  # type: ignore[misc]
    assert blue > 200 and red < 60 and green < 60  # its red is sRGB's blue


def test_a_grey_profile_keeps_its_curve() -> None:
    greys = Image.new("L", (4, 4), 64)
    raster = Raster.read(saved(greys, icc_profile=grey_profile(lambda x: x)))
    assert (raster.pixels == 64).all()
    assert abs(raster.picture().getpixel((1, 1))[0] - 137) <= 1  # type: ignore[index]  # a quarter of the light, in sRGB
    assert Raster.read(saved(greys, icc_profile=grey_profile(lambda x: x))).icc == raster.icc
    assert same(Raster.read(raster.png()), raster)


def test_a_broken_profile_is_none() -> None:
    for icc in (b"nonsense", wide_gamut()[:200], wide_gamut().replace(b"RGB ", b"CMYK", 1)):
        assert Raster.read(saved(QUARTERS, icc_profile=icc)).icc is None
    assert Raster.read(saved(QUARTERS, icc_profile=profile(lambda x: x**1.8))).icc is not None


def test_under_transparency_the_visible_colours_continue() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)  # black where nothing is seen, as most programs leave it
    alpha = np.zeros((64, 64), np.uint8)
    pixels[20:40, 20:40], alpha[20:40, 20:40] = (200, 100, 50), 255
    alpha[30:40, 30:40] = 128
    shown = np.asarray(Raster(pixels, alpha).picture()).astype(int)
    assert np.abs(shown - (200, 100, 50)).max() <= 2
    assert (np.asarray(Raster(pixels, np.zeros_like(alpha)).picture()) == 128).all()


def test_people_see_the_alpha() -> None:
    shown = Raster(noise(4, 4, 3, depth=16), np.full((4, 4), 257 * 9, np.uint16)).shown()
    assert shown.mode == "RGBA"
    assert shown.getchannel("A").getextrema() == (9, 9)


def test_parts_and_margins() -> None:
    raster = Raster(noise(6, 8, 3), noise(6, 8, seed=1), wide_gamut())
    part = raster.crop((2, 1, 7, 5))
    assert part.size == (5, 4) and part.icc == raster.icc
    assert np.array_equal(part.pixels, raster.pixels[1:5, 2:7]) and np.array_equal(part.alpha, raster.alpha[1:5, 2:7])  # type: ignore[index]
    with pytest.raises(ValueError, match="not inside"):
        raster.crop((2, 1, 9, 5))
    wider = raster.extended(3, 2, 1, 0)
    assert wider.size == (12, 8)
    assert same(wider.crop((3, 2, 11, 8)), raster)
    assert wider.alpha is not None and not wider.alpha[:2].any() and not wider.alpha[:, :3].any()
    assert (wider.pixels[2:, :3] == raster.pixels[:, :1]).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_another_size_keeps_depth_and_colours(depth: int) -> None:
    white = 2**depth - 1
    pixels = np.zeros((40, 60, 3), np.uint8 if depth == 8 else np.uint16)
    alpha = np.zeros((40, 60), pixels.dtype)
    pixels[:, :30], alpha[:, :30] = (white, white // 2, 0), white  # beside it transparent black
    small = Raster(pixels, alpha, wide_gamut()).resized(31, 17)
    assert small.size == (31, 17) and small.pixels.dtype == pixels.dtype and small.icc is not None
    assert small.alpha is not None
    seen = small.alpha > white * 0.02
    assert np.abs(small.pixels[seen].astype(int) - (white, white // 2, 0)).max() <= white * 0.02
    assert same(small.resized(31, 17), small)
    plain = Raster(np.full((9, 9, 3), 77, pixels.dtype)).resized(20, 5)
    assert plain.alpha is None and (plain.pixels == 77).all()
