"""What JPEG did to a picture is told from its file, and from its pixels in whatever file they now are."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images.jpeg import SIDE, dct, quality_of_file, quality_of_pixels, table
from tests.images.photographs import PHOTOGRAPHS, noisy, photograph
from tests.images.pictures import saved
from tests.images.test_noise import drawing

QUALITIES = (10, 20, 35, 50, 65, 75, 85)


def never_compressed(name: str) -> np.ndarray:
    """At half size, so that nothing is left of what the file may have been through."""
    return cv2.resize(photograph(name), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def compressed(pixels: np.ndarray, quality: int, **options: int) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(saved(Image.fromarray(pixels), "JPEG", quality=quality, **options))))


def test_the_transform_keeps_lengths() -> None:
    blocks = np.random.default_rng(0).normal(size=(5, SIDE, SIDE)).astype(np.float32)
    found = dct(blocks)
    assert np.allclose((found**2).sum(axis=(1, 2)), (blocks**2).sum(axis=(1, 2)), rtol=1e-5)
    assert np.allclose(found[0], cv2.dct(blocks[0]), atol=1e-5)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 95, 100])
def test_a_file_says_its_quality(quality: int) -> None:
    assert quality_of_file(saved(Image.fromarray(drawing()), "JPEG", quality=quality)) == quality


def test_a_file_with_tables_of_its_own_gets_the_nearest() -> None:
    steps = [min(255, max(1, int(step) + (i % 3) - 1)) for i, step in enumerate(table(60).ravel())]
    found = quality_of_file(saved(Image.fromarray(drawing()), "JPEG", qtables=[steps, steps]))
    assert found == pytest.approx(60, abs=3)


def test_grey_and_cmyk_files_have_a_quality_too() -> None:
    for mode in ("L", "CMYK"):
        assert quality_of_file(saved(Image.new(mode, (20, 20)), "JPEG", quality=40)) == 40


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"hello", saved(Image.new("RGB", (9, 9)))])
def test_other_files_have_none(data: bytes) -> None:
    assert quality_of_file(data) is None


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_pixels_tell_the_quality(name: str) -> None:
    pixels = never_compressed(name)
    found = {quality: quality_of_pixels(compressed(pixels, quality)) for quality in QUALITIES}
    assert all(one is not None and abs(one - quality) <= 2 for quality, one in found.items()), found


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_pixels_that_were_never_compressed_tell_nothing(name: str) -> None:
    assert quality_of_pixels(never_compressed(name)) is None
    assert quality_of_pixels(noisy(never_compressed(name), 10)) is None


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_very_good_quality_counts_as_none(name: str) -> None:
    assert quality_of_pixels(compressed(never_compressed(name), 95)) is None


def test_colour_at_full_size_makes_no_difference() -> None:
    assert quality_of_pixels(compressed(never_compressed("coffee.png"), 50, subsampling=0)) == 50


@pytest.mark.parametrize(("top", "left"), [(3, 5), (0, 1), (7, 0)])
def test_the_blocks_are_found_in_a_cropped_picture(top: int, left: int) -> None:
    assert quality_of_pixels(compressed(never_compressed("coffee.png"), 40)[top:, left:]) == 40


def test_sixteen_bits_tell_the_same() -> None:
    deep = compressed(never_compressed("chelsea.png"), 60).astype(np.uint16) * 257
    assert quality_of_pixels(deep) == 60


def test_what_is_scaled_afterwards_tells_nothing() -> None:
    pixels = compressed(photograph("coffee.png"), 60)
    assert quality_of_pixels(cv2.resize(pixels, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)) is None


def test_drawings_have_no_traces_unless_compressed() -> None:
    assert quality_of_pixels(drawing()) is None
    checkers = np.kron(np.indices((32, 32)).sum(axis=0) % 2, np.ones((5, 5)))[..., None] * np.uint8(90)
    assert quality_of_pixels((checkers + 60).repeat(3, axis=2).astype(np.uint8)) is None


@pytest.mark.parametrize("size", [(1, 1), (7, 513), (16, 16), (17, 40), (64, 64)])
def test_small_and_plain_pictures_tell_nothing(size: tuple[int, int]) -> None:
    assert quality_of_pixels(np.full((*size, 3), 90, np.uint8)) is None
    assert quality_of_pixels(noisy(np.full((*size, 3), 90, np.uint8), 20)) is None
