"""Where nothing was painted every bit stays; elsewhere one sees what was, at the source's depth, in its profile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdtoolbox.images.compositing import composite, recoloured
from sdtoolbox.images.raster import Raster
from tests.images.pictures import noise, wide_gamut

RED = Image.new("RGB", (24, 16), (255, 0, 0))


def source(depth: int, alpha: bool, icc: bytes | None, seed: int = 0) -> Raster:
    return Raster(
        noise(16, 24, 3, depth=depth, seed=seed), noise(16, 24, depth=depth, seed=seed + 1) if alpha else None, icc
    )


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([8, 16]), st.booleans(), st.sampled_from([None, wide_gamut()]), st.booleans(), st.integers(0, 99)
)
def test_outside_every_bit_is_the_sources(depth: int, alpha: bool, icc: bytes | None, floats: bool, seed: int) -> None:
    picture = source(depth, alpha, icc, seed)
    random = np.random.default_rng(seed)
    opacity = random.random((16, 24), dtype=np.float32) * (random.random((16, 24)) < 0.3)
    painted = random.random((16, 24, 3)) if floats else Image.fromarray(noise(16, 24, 3, seed=seed + 2))
    before = picture.pixels.copy()
    found = composite(picture, painted, opacity)
    outside = opacity == 0
    assert found.pixels.dtype == picture.pixels.dtype and found.icc == picture.icc
    assert np.array_equal(found.pixels[outside], picture.pixels[outside])
    assert not np.array_equal(found.pixels[~outside], picture.pixels[~outside])
    assert (found.alpha is None) == (picture.alpha is None)
    if found.alpha is not None and picture.alpha is not None:
        assert np.array_equal(found.alpha[outside], picture.alpha[outside])
        assert (found.alpha >= picture.alpha).all()
    assert np.array_equal(picture.pixels, before)  # the source itself is left alone


@pytest.mark.parametrize("depth", [8, 16])
def test_inside_it_is_what_was_painted(depth: int) -> None:
    painted = Image.fromarray(noise(16, 24, 3, seed=9))
    found = composite(source(depth, False, None), painted, np.ones((16, 24), np.float32))
    assert np.array_equal(np.asarray(found.picture()), np.asarray(painted))


def test_half_opaque_is_half_of_each() -> None:
    grey = Raster(np.full((16, 24, 3), 1000, np.uint16))
    found = composite(grey, RED, np.full((16, 24), 0.5, np.float32))
    assert (found.pixels == (33268, 500, 500)).all()


def test_a_painted_hole_is_seen_and_what_lay_under_it_is_not() -> None:
    clear = Raster(np.full((16, 24, 3), 40, np.uint8), np.zeros((16, 24), np.uint8))
    opacity = np.zeros((16, 24), np.float32)
    opacity[:8], opacity[8] = 1, 0.5
    found = composite(clear, RED, opacity)
    assert found.alpha is not None
    assert (found.alpha[:8] == 255).all() and (found.alpha[8] == 128).all() and not found.alpha[9:].any()
    assert (found.pixels[:9] == (255, 0, 0)).all()  # half seen, but wholly of the painted colour
    assert (found.pixels[9:] == 40).all()


def test_over_a_half_transparent_pixel() -> None:
    half = Raster(np.full((16, 24, 3), (0, 0, 200), np.uint8), np.full((16, 24), 128, np.uint8))
    found = composite(half, RED, np.full((16, 24), 0.5, np.float32))
    assert found.alpha is not None and (found.alpha == 192).all()
    assert np.abs(found.pixels.astype(int) - (170, 0, 67)).max() <= 1


def test_what_is_painted_in_another_profile_shows_the_same() -> None:
    found = composite(source(8, False, wide_gamut()), RED, np.ones((16, 24), np.float32))
    assert np.abs(np.asarray(found.picture()).astype(int) - (255, 0, 0)).max() <= 1
    assert found.pixels[0, 0, 2] > 200 > 60 > found.pixels[0, 0, 0]  # its blue is sRGB's red


@pytest.mark.parametrize("icc", [None, wide_gamut()])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_what_nobody_changed_comes_back_bit_for_bit(depth: int, alpha: bool, icc: bytes | None) -> None:
    picture = source(depth, alpha, icc)
    again = recoloured(picture, picture.picture())
    assert np.array_equal(again.pixels, picture.pixels) and again.alpha is picture.alpha
    if not alpha:
        again = composite(picture, picture.picture(), np.full((16, 24), 0.7, np.float32))
        assert np.array_equal(again.pixels, picture.pixels)


def test_other_colours_keep_the_alpha() -> None:
    picture = source(16, True, None)
    found = recoloured(picture, RED)
    assert (found.pixels == (65535, 0, 0)).all()
    assert np.array_equal(found.alpha, picture.alpha)  # type: ignore[arg-type]


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="opacity"):
        composite(source(8, False, None), RED, np.ones((4, 4), np.float32))
    with pytest.raises(ValueError, match="painted"):
        recoloured(source(8, False, None), RED.resize((5, 5)))
