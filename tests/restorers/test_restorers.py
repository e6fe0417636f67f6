"""Every restorer cleans, keeps what is clean, takes any size, and sees no farther than it says."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from sdtoolbox.extensions import Extension
from sdtoolbox.images.quality import psnr
from sdtoolbox.registered import RestorerInfo
from sdtoolbox.restorers.bilateral import bilateral
from sdtoolbox.restorers.deblock import deblock
from sdtoolbox.restorers.median import median
from sdtoolbox.restorers.non_local_means import non_local_means
from sdtoolbox.restorers.sharpen import sharpen
from sdtoolbox.restorers.total_variation import total_variation
from sdtoolbox.restorers.wavelet import wavelet
from tests.images.photographs import noisy, photograph
from tests.images.test_jpeg import compressed, never_compressed
from tests.images.test_noise import drawing

DENOISERS = [non_local_means, wavelet, total_variation, bilateral]
ALL = [*DENOISERS, median, sharpen, deblock]


def floats(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


def bytes_of(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels * 255).astype(np.uint8)


def called(function: Any, pixels: np.ndarray, noise: float = 0.1) -> np.ndarray:
    found: np.ndarray = function(pixels, **given(function, noise))
    return found


def given(function: Any, noise: float = 0.1) -> dict[str, Any]:
    """What a restorer is told of the picture."""
    if function is deblock:
        return {"quality": 30}
    return {"noise": noise} if function in DENOISERS else {}


def registered(function: Any) -> RestorerInfo:
    ext = Extension("test")
    import_module(function.__module__).register(ext)
    info = ext.draft[0][1].value
    assert isinstance(info, RestorerInfo) and info.function is function and len(ext.draft) == 1
    return info


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (2, 2), (40, 33)])
def test_any_size_comes_out_as_it_went_in(function: Any, size: tuple[int, int]) -> None:
    pixels = floats(noisy(np.full((*size, 3), 120, np.uint8), 40))
    before = pixels.copy()
    found = called(function, pixels)
    assert found.shape == pixels.shape and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1 and np.array_equal(pixels, before)


@pytest.mark.parametrize("function", DENOISERS)
def test_without_noise_nothing_changes(function: Any) -> None:
    pixels = floats(photograph("coffee.png", 40))
    found = function(pixels, noise=0.0)
    assert np.array_equal(found, pixels) and found is not pixels


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_one_colour_stays_what_it_is(function: Any, value: float) -> None:
    pixels = np.full((50, 40, 3), value, np.float32)
    assert np.allclose(called(function, pixels), pixels, atol=1 / 255 if function is deblock else 1e-5)


@pytest.mark.parametrize(
    ("function", "gains"),
    [
        (non_local_means, (15, 16, 14)),
        (wavelet, (11, 14, 14)),
        (total_variation, (13, 13.5, 13)),
        (bilateral, (12.5, 12, 11)),
    ],
)
def test_a_noisy_drawing_becomes_much_cleaner(function: Any, gains: tuple[float, ...]) -> None:
    clean = drawing()
    for sigma, least in zip((10, 25, 50), gains, strict=True):
        spoilt = noisy(clean, sigma)
        found = bytes_of(function(floats(spoilt), noise=sigma / 255))
        gain = psnr(clean, found) - psnr(clean, spoilt)
        assert gain >= least, (sigma, gain)


@pytest.mark.parametrize(
    ("function", "gains"),
    [
        (non_local_means, (5, 7.5, 8.3)),
        (wavelet, (6.1, 8.6, 9.5)),
        (total_variation, (4.4, 7.3, 8.7)),
        (bilateral, (5.1, 7.4, 8.6)),
    ],
)
def test_a_noisy_photograph_becomes_cleaner(function: Any, gains: tuple[float, ...]) -> None:
    names = ("astronaut.png", "coffee.png", "chelsea.png")
    for sigma, least in zip((10, 25, 50), gains, strict=True):
        gain = []
        for name in names:
            clean = photograph(name, 200)
            spoilt = noisy(clean, sigma)
            found = bytes_of(function(floats(spoilt), noise=sigma / 255))
            gain.append(psnr(clean, found) - psnr(clean, spoilt))
        assert np.mean(gain) >= least, (sigma, gain)


@pytest.mark.parametrize("function", ALL)
def test_nothing_beyond_the_reach_decides(function: Any) -> None:
    reach = registered(function).reach
    assert reach is not None
    whole = floats(noisy(photograph("coffee.png", 240), 25))
    found = called(function, whole)
    part = called(function, whole[:, 100:])
    assert np.allclose(found[:, 100 + reach :], part[:, reach:], atol=2e-3 if function is bilateral else 1e-5)
    assert np.abs(found[:, 100] - part[:, 0]).max() > 1e-4 or function is median


@pytest.mark.parametrize("function", ALL)
def test_options_are_read_off_the_signature(function: Any) -> None:
    info = registered(function)
    assert info.scale == 1 and info.help and info.needs == tuple(given(function))
    assert info.options and all(
        option.minimum < option.default < option.maximum or option.default in (option.minimum, option.maximum)
        for option in info.options.values()
    )
    pixels = floats(noisy(photograph("coffee.png", 24), 20))
    for name, option in info.options.items():
        for value in (option.checked(option.minimum), option.checked(option.maximum)):
            assert np.isfinite(function(pixels, **given(function), **{name: value})).all()


def test_more_than_eight_bits_survive_non_local_means() -> None:
    ramp = np.linspace(0.5, 0.5 + 1 / 255, 400, dtype=np.float32)[None, :, None].repeat(20, 0).repeat(3, 2)
    assert len(np.unique(non_local_means(ramp, noise=0.02))) > 100


def test_specks_go_and_details_stay() -> None:
    clean = photograph("chelsea.png", 160)
    random = np.random.default_rng(0)
    salt, pepper = random.random(clean.shape[:2]) < 0.03, random.random(clean.shape[:2]) < 0.03
    spoilt = clean.copy()
    spoilt[salt], spoilt[pepper] = 255, 0
    assert psnr(clean, bytes_of(median(floats(spoilt)))) > psnr(clean, spoilt) + 14
    assert psnr(clean, bytes_of(median(floats(clean)))) > 44
    every = median(floats(spoilt), threshold=0.0, radius=2)
    assert psnr(clean, bytes_of(every)) < psnr(clean, bytes_of(median(floats(spoilt))))


def test_sharpening_gives_back_some_of_what_a_blur_took() -> None:
    import cv2

    clean = photograph("astronaut.png", 200)
    blurred = cv2.GaussianBlur(clean, (0, 0), 1.2)
    assert psnr(clean, bytes_of(sharpen(floats(blurred)))) > psnr(clean, blurred) + 1
    assert np.array_equal(sharpen(floats(blurred), amount=0.0), floats(blurred))
    assert np.array_equal(sharpen(floats(clean), threshold=0.5), floats(clean))


@pytest.mark.parametrize(("quality", "least"), [(10, 0.45), (20, 0.35), (50, 0.25)])
def test_blocks_of_jpeg_are_smoothed(quality: int, least: float) -> None:
    gains = []
    for name in ("astronaut.png", "coffee.png", "chelsea.png"):
        clean = never_compressed(name)
        spoilt = compressed(clean, quality)
        found = deblock(floats(spoilt), quality=quality)
        gains.append(psnr(clean, bytes_of(found)) - psnr(clean, spoilt))
    assert np.mean(gains) >= least, gains


def test_what_was_never_compressed_is_left_alone() -> None:
    clean = floats(never_compressed("coffee.png"))
    assert np.array_equal(deblock(clean, quality=100), clean)
