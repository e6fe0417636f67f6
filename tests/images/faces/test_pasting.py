from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.images.faces import pasting
from sdtoolbox.images.faces.pasting import cut_out, lay_back
from sdtoolbox.images.faces.squares import Face
from tests.tasks.pictures import raster

RNG = np.random.default_rng(0)
FACES = [
    Face(60, 50, 40),
    Face(60, 50, 40, 0.4),
    Face(60.3, 50.8, 90, -0.2),
    Face(5, 90, 40),
    Face(119, 1, 60, 1.5),
    Face(60, 50, 500),
]


def soft(width: int = 120, height: int = 100, kind: type = np.uint16) -> np.ndarray:
    """A picture without fine detail, so that it can be turned and sized without a loss."""
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 15), np.cos(y / 12), np.sin((x + y) / 18)]
    return np.rint((0.5 + 0.4 * np.dstack(planes)) * np.iinfo(kind).max).astype(kind)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("deep", [False, True])
def test_where_nothing_is_changed_every_bit_stays(face: Face, deep: bool) -> None:
    source = raster(120, 100, deep=deep).pixels
    result = source.copy()
    shown = cut_out(source, face, 64)
    assert shown is not None and shown.shape == (64, 64, 3) and shown.dtype == np.float32
    lay_back(result, source, face, np.zeros_like(shown))
    assert np.array_equal(result, source)


@pytest.mark.parametrize("face", FACES[:3])
@pytest.mark.parametrize("side", [32, 64, 200])
def test_a_change_comes_back_where_its_face_was(face: Face, side: int) -> None:
    source = soft()
    shown = cut_out(source, face, side)
    assert shown is not None
    result = source.copy()
    lay_back(result, source, face, (1 - shown) - shown)
    middle = np.hypot(*(np.mgrid[:100, :120] - np.array([face.y, face.x])[:, None, None])) < 0.3 * face.side
    error = np.abs(result[middle] / 65535 - (1 - source[middle] / 65535))
    assert error.max() < 0.03 and error.mean() < 0.01
    matrix = face.matrix(side)
    places = np.stack(np.meshgrid(np.arange(120), np.arange(100)), -1) @ matrix[:, :2].T + matrix[:, 2]
    outside = ((places < -0.5) | (places > side - 0.5)).any(axis=-1)
    assert outside.any() and np.array_equal(result[outside], source[outside])


def test_a_face_is_cut_out_upright() -> None:
    face = Face(60, 50, 40, 0.5)
    marks = np.zeros((100, 120, 3), np.uint8)
    for across, down, colour in ((-10, -10, 0), (10, -10, 1), (0, 12, 2)):
        x = face.x + across * np.cos(0.5) - down * np.sin(0.5)
        y = face.y + across * np.sin(0.5) + down * np.cos(0.5)
        marks[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2, colour] = 255
    shown = cut_out(marks, face, 80)
    assert shown is not None
    for across, down, colour in ((-10, -10, 0), (10, -10, 1), (0, 12, 2)):
        place = np.argwhere(shown[..., colour] > 0.7).mean(axis=0)
        assert place == pytest.approx((40 + 2 * down, 40 + 2 * across), abs=1.6)


def test_what_becomes_smaller_is_filtered_first() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    shown = cut_out(stripes, Face(200, 200, 300), 30)
    assert shown is not None and np.abs(shown - 0.5).max() < 0.05
    source = soft(40, 40)
    result = source.copy()
    striped = np.zeros((400, 400, 3), np.float32)
    striped[:, ::2] = 0.5
    lay_back(result, source, Face(20, 20, 30), striped)
    wanted = np.clip(source[15:25, 15:25] / 65535 + 0.25, 0, 1)
    assert np.abs(result[15:25, 15:25] / 65535 - wanted).max() < 0.01


def test_fine_detail_of_a_large_face_stays() -> None:
    source = RNG.integers(100, 150, (300, 300, 3)).astype(np.uint8)
    result = source.copy()
    lay_back(result, source, Face(150, 150, 250), np.full((32, 32, 3), 0.2, np.float32))
    assert np.abs(result[120:180, 120:180].astype(int) - source[120:180, 120:180] - 51).max() <= 1


def test_a_face_as_large_as_its_picture_is_laid_back_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    source, face = soft(), Face(58, 49, 110, 0.2)
    change = RNG.normal(0, 0.2, (40, 40, 3)).astype(np.float32)
    whole, bands = source.copy(), source.copy()
    lay_back(whole, source, face, change)
    monkeypatch.setattr(pasting, "BAND", 7)
    lay_back(bands, source, face, change)
    assert (whole != source).any()
    assert np.abs(whole.astype(int) - bands).max() <= 65535 / 256


def test_the_share_and_the_edges_fade() -> None:
    source = np.full((100, 100, 3), 100, np.uint8)
    result = source.copy()
    lay_back(result, source, Face(50, 50, 64), np.full((64, 64, 3), 0.4, np.float32), share=0.5)
    assert (result[40:60, 40:60] == 151).all()
    row = result[50, :50, 0].astype(int)
    assert (np.diff(row) >= 0).all() and row[18] <= 101 and row[27] > 148


def test_of_two_in_one_place_the_later_covers_the_earlier() -> None:
    source = np.full((100, 100, 3), 100, np.uint8)
    result = source.copy()
    change = np.full((64, 64, 3), 0.2, np.float32)
    lay_back(result, source, Face(50, 50, 64), change)
    lay_back(result, source, Face(52, 50, 64), change)
    assert result.max() == 151


def test_what_lies_outside_is_left() -> None:
    source = soft()
    assert cut_out(source, Face(-90, 50, 40), 64) is None
    result = source.copy()
    lay_back(result, source, Face(-90, 50, 40), np.ones((64, 64, 3), np.float32))
    assert np.array_equal(result, source)
