"""The figures are scikit-image's, for pictures of any size and depth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sdtoolbox.images.quality import difference, psnr, ssim
from tests.images.photographs import noisy, photograph
from tests.images.pictures import noise

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
"""What makes scikit-image's figure that of the paper."""


def pair(depth: int) -> tuple[np.ndarray, np.ndarray]:
    clean = photograph("coffee.png", 300)
    if depth == 16:
        clean = clean.astype(np.uint16) * 257
    return clean, noisy(clean, 20 if depth == 8 else 20 * 257)


@pytest.mark.parametrize("depth", [8, 16])
def test_psnr_is_the_usual_one(depth: int) -> None:
    clean, spoilt = pair(depth)
    usual = peak_signal_noise_ratio(clean, spoilt, data_range=2**depth - 1)
    assert psnr(clean, spoilt) == pytest.approx(usual, abs=1e-9)


@pytest.mark.parametrize("depth", [8, 16])
def test_ssim_is_the_usual_one(depth: int) -> None:
    clean, spoilt = pair(depth)
    usual = structural_similarity(clean, spoilt, data_range=2**depth - 1, **WANG)
    assert ssim(clean, spoilt) == pytest.approx(usual, abs=1e-9)


@pytest.mark.parametrize("shape", [(700, 40, 3), (511, 13, 3), (523, 11, 1)])
def test_ssim_by_bands_is_ssim_at_once(shape: tuple[int, int, int]) -> None:
    one, other = noise(*shape), noise(*shape, seed=1)
    usual = structural_similarity(one, other, **WANG)
    assert ssim(one, other) == pytest.approx(usual, abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 513, 3), (10, 10, 1), (600, 3, 3)])
def test_small_pictures_have_figures_too(shape: tuple[int, int, int]) -> None:
    one, other = noise(*shape), noise(*shape, seed=1)
    assert -1 <= ssim(one, other) < 1 and 0 < psnr(one, other) < 100
    assert ssim(one, one) == pytest.approx(1)
    assert difference(one, other).shape == shape


def test_equal_pictures_have_figures_that_json_can_hold() -> None:
    clean, _ = pair(16)
    assert json.dumps([psnr(clean, clean), ssim(clean, clean)]) == "[100.0, 1.0]"


def test_the_difference_is_shown_four_times_as_bright() -> None:
    one = np.full((4, 5, 3), 100, np.uint8)
    other = one.copy()
    other[0, 0], other[1, 1] = (103, 100, 90), 200
    shown = difference(one, other)
    assert shown.dtype == np.uint8 and shown[0, 0].tolist() == [12, 0, 40] and (shown[1, 1] == 255).all()
    assert shown[2:].max() == 0
    deep = one.astype(np.uint16) * 257
    assert np.array_equal(difference(deep, other.astype(np.uint16) * 257), shown)


@pytest.mark.parametrize("other", [np.zeros((4, 6, 3), np.uint8), np.zeros((4, 5, 3), np.uint16)])
def test_what_cannot_be_compared_is_refused(other: np.ndarray) -> None:
    for function in (psnr, ssim, difference):
        with pytest.raises(ValueError, match="cannot be compared"):
            function(np.zeros((4, 5, 3), np.uint8), other)
