"""A picture that was lent comes back with what was changed, and has lost nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images.lending import lent, taken_back
from sdtoolbox.images.raster import Raster
from tests.images.pictures import wide_gamut


def raster(dtype: Any = np.uint16, *, alpha: bool = True) -> Raster:
    draw, most = np.random.default_rng(0), np.iinfo(dtype).max
    pixels = draw.integers(0, most, (20, 30, 3), dtype, endpoint=True)
    return Raster(pixels, draw.integers(0, most, (20, 30), dtype, endpoint=True) if alpha else None, wide_gamut())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_was_not_changed_is_nothing(dtype: Any, alpha: bool) -> None:
    before = raster(dtype, alpha=alpha)
    shown = lent(before)
    assert (shown.mode, shown.info["icc_profile"]) == ("RGBA" if alpha else "RGB", before.icc)
    assert taken_back(before, shown, None) is taken_back(before, shown, shown.copy()) is None
    assert taken_back(before, shown, shown.convert("RGB")) is None  # an alpha that does not come back is kept
    if not alpha:
        assert taken_back(before, shown, shown.convert("RGBA")) is None


def test_eight_bits_are_lent_whole() -> None:
    before = raster(np.uint8)
    assert np.array_equal(np.asarray(lent(before))[..., :3], before.pixels)
    assert np.array_equal(np.asarray(lent(before))[..., 3], before.alpha)


def test_what_was_changed_has_eight_bits_and_the_rest_its_own() -> None:
    before = raster()
    shown = lent(before)
    changed = shown.copy()
    changed.paste((255, 0, 0, 51), (0, 0, 10, 10))
    after = taken_back(before, shown, changed)
    assert after is not None and after.alpha is not None and before.alpha is not None
    assert (after.pixels[:10, :10] == (65535, 0, 0)).all()
    # Where it was shown as 51 already it stays what it was.
    assert abs(after.alpha[:10, :10].astype(int) - 51 * 257).max() <= 128
    rest = np.ones((20, 30), bool)
    rest[:10, :10] = False
    assert np.array_equal(after.pixels[rest], before.pixels[rest])
    assert np.array_equal(after.alpha[rest], before.alpha[rest])
    assert after.icc == before.icc


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_may_come_back_transparent(dtype: Any) -> None:
    before = raster(dtype, alpha=False)
    shown = lent(before)
    changed = shown.copy()
    changed.putalpha(128)
    after = taken_back(before, shown, changed)
    assert after is not None and after.alpha is not None
    assert (after.alpha == round(128 / 255 * after.maximum)).all() and after.alpha.dtype == dtype
    assert np.array_equal(after.pixels, before.pixels)


def test_greys_may_come_back() -> None:
    before = replace(raster(np.uint8, alpha=False), icc=None)
    after = taken_back(before, lent(before), lent(before).convert("L"))
    assert after is not None and after.grey


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("a picture", "it returned str in place of one of RGB"),
        (Image.new("F", (30, 20)), "a picture of mode F"),
        (Image.new("RGB", (20, 30)), r"\(20, 30\) pixels in place of \(30, 20\)"),
    ],
)
def test_what_is_no_such_picture_is_refused(returned: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        taken_back(raster(), lent(raster()), returned)
