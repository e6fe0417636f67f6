"""The noise level that is read off a picture is the one that was put in."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdtoolbox.images.noise import noise_level, noise_levels
from tests.images.photographs import PHOTOGRAPHS, noisy, photograph


def drawing(background: str = "#e0c9a0", width: int = 256, height: int = 192) -> np.ndarray:
    """Shapes in flat colours, as the built-in model draws them."""
    image = Image.new("RGB", (width, height), background)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill="#5b8c5a")
    draw.ellipse((40, 40, 120, 120), fill="#d04a35", outline="#301010", width=3)
    draw.polygon([(150, 130), (190, 50), (230, 130)], fill="#3060b0")
    return np.asarray(image)


@pytest.mark.parametrize("sigma", [5, 10, 15, 25, 50])
def test_noise_in_photographs_is_measured(sigma: float) -> None:
    errors = [abs(noise_level(noisy(photograph(name, 320), sigma)) - sigma) for name in PHOTOGRAPHS]
    assert np.mean(errors) <= max(0.03 * sigma, 0.4) and max(errors) <= max(0.06 * sigma, 0.6), errors


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_clean_photographs_are_clean(name: str) -> None:
    assert noise_level(photograph(name)) <= 1.5


def test_drawings_are_clean_and_their_noise_is_measured() -> None:
    assert noise_level(drawing()) <= 0.3
    for sigma in (5, 25, 50):
        assert noise_level(noisy(drawing(), sigma)) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("sigma", [5, 15, 25])
def test_a_white_page_cuts_half_of_its_noise_off(sigma: float) -> None:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    for y in range(5, 300, 22):
        draw.text((5, y), "the quick brown fox jumps over the lazy dog and then over the fence", fill="black")
    page = np.asarray(image)
    assert noise_level(page) <= 0.3
    assert noise_level(noisy(page, sigma)) == pytest.approx(sigma, rel=0.12)


def test_black_bars_do_not_hide_the_noise() -> None:
    pixels = noisy(photograph("coffee.png"), 15)
    pixels[:60] = pixels[-60:] = 0
    assert noise_level(pixels) == pytest.approx(15, rel=0.05)


def test_sixteen_bits_are_measured_in_the_same_units() -> None:
    grey = np.full((256, 256, 3), 30_000, np.uint16)
    assert noise_level(noisy(grey, 257 * 0.5)) == pytest.approx(0.5, rel=0.05)


def test_each_channel_has_its_own() -> None:
    pixels = np.full((200, 200, 3), 120.0)
    pixels += np.random.default_rng(0).normal(0, 1, pixels.shape) * (2, 8, 20)
    found = noise_levels(np.rint(pixels).astype(np.uint8))
    assert found == pytest.approx((2, 8, 20), rel=0.06)
    assert noise_level(np.rint(pixels).astype(np.uint8)) == pytest.approx(np.sqrt((4 + 64 + 400) / 3), rel=0.05)


@pytest.mark.parametrize("size", [(1, 1), (7, 513), (513, 7), (1, 500), (9, 70_000), (8, 8), (9, 30)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), 100, np.uint8)
    assert noise_level(flat) == 0
    assert 0 <= noise_level(noisy(flat, 15)) < 22


@pytest.mark.parametrize("value", [0, 77, 255])
def test_one_colour_has_no_noise(value: int) -> None:
    assert noise_level(np.full((64, 64, 3), value, np.uint8)) == 0


def test_a_large_picture_takes_no_longer_and_is_the_same_every_time() -> None:
    pixels = np.tile(noisy(np.full((751, 1003, 3), 90, np.uint8), 9), (4, 4, 1))
    started = time.process_time()
    first = noise_level(pixels)
    assert time.process_time() - started < 1.5  # 0.1 s on an idle machine
    assert first == noise_level(pixels) == pytest.approx(9, rel=0.05)
