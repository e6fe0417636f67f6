"""A checkpoint that restores: its arithmetic with a model whose latents are pixels, its use with the built-in one."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.quality import psnr
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.resampling import resampled
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.training.storybook.world import draw, sample_scene


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    with Toolbox.open(home=home, safe_mode=True, device="cpu", threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Three of the world that the built-in model knows."""
    rng = random.Random(7)
    return [np.asarray(draw(sample_scene(rng), seed).convert("RGB")) for seed in range(3)]


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def restored(toolbox: Toolbox, task: str, pixels: np.ndarray, **values: Any) -> tuple[np.ndarray, Any]:
    result = toolbox.run(task, image=toolbox.add_picture(png(pixels)), jpeg_quality=100, **values)
    return Raster.read(toolbox.picture_path(result.pictures[0].id)).pixels, result


def test_small_pictures_of_its_own_kind_become_large_and_stay_faithful(
    toolbox: Toolbox, pictures: list[np.ndarray]
) -> None:
    gains = []
    for picture in pictures:
        small = resampled(picture, 32, 32)
        plain, _ = restored(toolbox, "upscale", small, scale=4, upscaler="lanczos", noise=0)
        found, result = restored(toolbox, "upscale", small, scale=4, upscaler="storybook", noise=0)
        gains.append(psnr(found, picture) - psnr(plain, picture))
        assert np.abs(resampled(found, 32, 32).astype(int) - small).mean() < 2, "made small again it is what came in"
        assert any("invented by storybook" in warning for warning in result.warnings)
        assert result.environment["checkpoint"]["name"] == "storybook"
        assert "Postprocess upscaler: storybook" in result.parameters
    assert np.mean(gains) > 2


def test_noise_is_taken_away_beside_arithmetic(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    gains = []
    for picture in pictures:
        noisy = np.rint((picture + rng.normal(0, 50, picture.shape)).clip(0, 255)).astype(np.uint8)
        alone, _ = restored(toolbox, "denoise", noisy, noise=50, stages=["wavelet"])
        stages = ["wavelet", "storybook: strength=0.35, blend=0.5, steps=4"]
        both, result = restored(toolbox, "denoise", noisy, noise=50, stages=stages)
        gains.append(psnr(both, picture) - psnr(alone, picture))
        assert [stage["diffusion"] for stage in result.request["stages"]] == [False, True]
    assert np.mean(gains) > 0.4


def test_the_same_request_gives_the_same_bytes(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    small = resampled(pictures[0], 32, 32)
    ids = {
        restored(toolbox, "upscale", small, scale=4, upscaler="storybook", noise=0)[1].pictures[0].id for _ in range(2)
    }
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("storybook: depth=3", "has no option 'depth'"),
        ("storybook: steps=0", "option steps of checkpoint storybook cannot be 0"),
        ("nothing", "there is no"),
    ],
)
def test_mistakes_are_said(toolbox: Toolbox, pictures: list[np.ndarray], stage: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        restored(toolbox, "denoise", pictures[0], noise=10, stages=[stage])
    assert said in str(caught.value) and caught.value.field == "stages"


def test_without_noise_nothing_is_invented(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    found, _ = restored(toolbox, "denoise", pictures[0], noise=0, stages=["storybook"])
    assert np.array_equal(found, pictures[0])


def test_checkpoints_do_not_enlarge_for_other_tasks(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    image = toolbox.add_picture(png(pictures[0]))
    with pytest.raises(UserError) as refused:
        toolbox.resolve(toolbox.parse("img2img", {"image": image, "upscaler": "storybook", "resize_scale": 2}))
    assert refused.value.field == "upscaler"
