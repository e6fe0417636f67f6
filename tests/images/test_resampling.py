from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images import resampling
from sdtoolbox.images.resampling import resampled

SOURCE = np.random.default_rng(0).integers(0, 65536, (83, 61, 3), dtype=np.uint16)


@pytest.mark.parametrize("size", [(61, 83), (122, 166), (200, 301), (31, 40), (7, 300), (1, 1)])
def test_bands_are_what_the_whole_would_be(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(resampling, "ROWS", 16)
    found = resampled(SOURCE, *size)
    planes = [Image.fromarray(SOURCE[..., i].astype(np.float32)) for i in range(3)]
    whole = np.dstack([np.asarray(plane.resize(size, Image.Resampling.LANCZOS)) for plane in planes])
    assert found.dtype == np.uint16
    assert np.abs(found.astype(float) - whole.clip(0, 65535)).max() <= 1


def test_a_region_is_that_part_of_the_whole() -> None:
    whole = resampled(SOURCE, 122, 166)
    part = resampled(SOURCE, 40, 60, (10, 20, 30, 50))
    assert np.abs(part.astype(int) - whole[40:100, 20:60]).max() <= 1


def test_one_plane_and_floats_stay_what_they_are() -> None:
    plane = np.linspace(0, 1, 12 * 9, dtype=np.float32).reshape(12, 9)
    assert resampled(plane, 9, 12) == pytest.approx(plane, abs=1e-6)
    assert resampled(plane, 18, 24).shape == (24, 18)
    assert resampled(plane, 18, 24).dtype == np.float32
