"""Networks as upscalers of img2img and hires fix: with fakes of which one knows what they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.tasks.enlarging import on_pictures, upscaler_of
from tests.tasks.pictures import PictureContext, raster
from tests.tasks.restorers import Fake, enlarged


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    told = {"device": "gpu", "networks": [{"id": "double", "name": "x2"}]}
    return PictureContext(tmp_path, double=Fake(enlarged(2), scale=2, reach=1, environment=told))


@pytest.mark.parametrize(("size", "calls"), [((128, 96), 1), ((100, 70), 1), ((129, 97), 2), ((256, 192), 2)])
def test_a_network_is_used_until_the_picture_is_large_enough(
    ctx: PictureContext, size: tuple[int, int], calls: int
) -> None:
    picture = raster(64, 48).picture()
    found = upscaler_of("double", ctx)(picture, *size)
    assert found.size == size and found.mode == "RGB"
    assert len(ctx._models["double"].seen) == calls
    wanted = np.asarray(picture.resize(size, Image.Resampling.BICUBIC), float)
    assert np.abs(np.asarray(found, float) - wanted).mean() < 12
    assert ctx.environment == {"networks": [{"id": "double", "name": "x2"}]}, "where it was drawn the model says"
    assert not ctx.leased


def test_to_become_smaller_no_network_is_needed(ctx: PictureContext) -> None:
    picture = raster(64, 48).picture()
    assert upscaler_of("double", ctx)(picture, 32, 24).size == (32, 24)
    assert not ctx._models["double"].seen


def test_networks_are_named_once_however_often_they_are_used(ctx: PictureContext) -> None:
    for _ in range(3):
        upscaler_of("double", ctx)(raster(16, 16).picture(), 32, 32)
    assert len(ctx.environment["networks"]) == 1


def test_which_upscalers_enlarge_pictures(ctx: PictureContext) -> None:
    assert on_pictures("lanczos", ctx.registries) and on_pictures("double", ctx.registries)
    assert not on_pictures("latent", ctx.registries)
