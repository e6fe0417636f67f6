"""Every filler closes the hole and touches nothing else; each does what it is for."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdtoolbox.fillers.blur import blur
from sdtoolbox.fillers.diffused import navier_stokes, telea
from sdtoolbox.fillers.patches import patch
from tests.images.pictures import noise

FILLERS = [blur, telea, navier_stokes, patch]


def disc(width: int, height: int, x: int, y: int, radius: int) -> np.ndarray:
    image = Image.new("1", (width, height))
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(image)


def stripes(width: int, height: int, period: int) -> np.ndarray:
    """Across, dark and light, with soft edges."""
    row = 128 + 90 * np.sin(np.arange(width) * 2 * np.pi / period)
    return np.broadcast_to(np.rint(row).astype(np.uint8)[None, :, None], (height, width, 3)).copy()


@pytest.mark.parametrize("function", FILLERS)
@pytest.mark.parametrize(
    "hole",
    [
        disc(60, 44, 30, 20, 12),
        disc(60, 44, 0, 0, 15),
        disc(60, 44, 30, 20, 0),
        disc(60, 44, 30, 20, 200),
        np.zeros((44, 60), bool),
    ],
    ids=["middle", "corner", "pixel", "everything", "nothing"],
)
def test_only_the_hole_is_touched(function: Any, hole: np.ndarray) -> None:
    pixels = noise(44, 60, 3)
    before = pixels.copy()
    found = function(pixels, hole)
    assert found.dtype == np.uint8 and found.shape == pixels.shape
    assert np.array_equal(found[~hole], before[~hole]) and np.array_equal(pixels, before)
    assert not hole.any() or hole.all() or not np.array_equal(found, before)


@pytest.mark.parametrize("function", FILLERS)
@pytest.mark.parametrize("size", [(1, 1), (3, 9), (9, 3), (20, 7)])
def test_small_pictures_are_no_problem(function: Any, size: tuple[int, int]) -> None:
    hole = np.zeros(size, bool)
    hole[0, 0] = True
    found = function(np.full((*size, 3), 70, np.uint8), hole)
    assert np.array_equal(found[~hole], np.full((*size, 3), 70)[~hole])


@pytest.mark.parametrize("function", FILLERS)
@pytest.mark.parametrize("place", [(64, 48), (0, 0), (127, 48)])
def test_a_plain_colour_closes_without_a_trace(function: Any, place: tuple[int, int]) -> None:
    pixels = np.full((96, 128, 3), (40, 120, 200), np.uint8)
    hole = disc(128, 96, *place, 20)
    spoilt = np.where(hole[..., None], np.uint8(255), pixels)
    most = 4 if function is telea else 1  # OpenCV's rounds as it goes along
    assert np.abs(function(spoilt, hole).astype(int) - pixels).max() <= most


@pytest.mark.parametrize("function", FILLERS)
def test_what_lay_in_the_hole_does_not_count(function: Any) -> None:
    pixels, hole = stripes(96, 64, 12), disc(96, 64, 50, 30, 14)
    other = np.where(hole[..., None], noise(64, 96, 3), pixels)
    assert np.array_equal(function(pixels, hole), function(other, hole))


def test_patches_carry_a_texture_on() -> None:
    pixels, hole = stripes(160, 128, 12), disc(160, 128, 80, 64, 26)
    errors = {one: np.abs(one(pixels, hole).astype(int) - pixels)[hole].mean() for one in FILLERS}
    assert errors[patch] < 8 < 0.25 * errors[blur]


@pytest.mark.parametrize("function", [telea, navier_stokes])
def test_a_scratch_is_mended(function: Any) -> None:
    pixels = stripes(96, 64, 32)
    hole = np.zeros((64, 96), bool)
    hole[30:33] = True
    assert np.abs(function(pixels, hole).astype(int) - pixels)[hole].mean() < 8


def test_blur_has_no_edge_of_its_own() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 200
    found = blur(pixels, disc(64, 64, 32, 32, 20)).astype(int)
    assert np.abs(np.diff(found[32, 14:51, 0])).max() < 40


def test_patches_are_the_same_every_time_and_in_time() -> None:
    pixels, hole = noise(256, 256, 3), np.zeros((256, 256), bool)
    hole[64:192, 64:192] = True
    started = time.process_time()
    found = patch(pixels, hole)
    assert time.process_time() - started < 5  # 0.5 s on an idle machine
    assert np.array_equal(found, patch(pixels, hole))


def test_a_large_hole_in_a_large_picture_is_filled_everywhere() -> None:
    pixels = np.full((640, 700, 3), 200, np.uint8)
    pixels[::2] = 190
    hole = np.zeros((640, 700), bool)
    hole[100:, 150:] = True  # to the border, deeper than weights can tell
    found = patch(np.where(hole[..., None], np.uint8(0), pixels), hole)
    assert found[hole].min() >= 185
