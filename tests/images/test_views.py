from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images import views
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.views import view_of


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_view_is_the_picture_made_small(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    monkeypatch.setattr(views, "SIDE", 60)
    most = np.iinfo(kind).max
    ramp = np.tile(np.linspace(0, most, 240)[None, :, None], (120, 1, 3)).astype(kind)
    found = Image.open(BytesIO(view_of(Raster(ramp))))
    assert (found.format, found.size) == ("JPEG", (60, 30))
    assert np.abs(np.asarray(found, float)[15, :, 0] - np.linspace(0, 255, 60)).max() < 6


def test_what_is_transparent_lies_on_grey() -> None:
    pixels = np.full((40, 40, 3), 255, np.uint8)
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, 20:] = 255
    found = np.asarray(Image.open(BytesIO(view_of(Raster(pixels, alpha)))), float)
    assert abs(found[:, :16].mean() - 128) < 3 and found[:, 24:].mean() > 252


def test_a_small_picture_keeps_its_size() -> None:
    assert Image.open(BytesIO(view_of(Raster(np.zeros((5, 9, 3), np.uint8))))).size == (9, 5)
