"""The built-in model as a restorer beside the built-in networks: `pytest -m slow -s` prints how much it gains."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.toolbox import Toolbox
from sdtoolbox.training.storybook.world import draw, sample_scene

pytestmark = pytest.mark.slow
PICTURES = 24
SEED = 2026


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    home: Path = tmp_path_factory.mktemp("home")
    with Toolbox.open(home=home, safe_mode=True, device="cpu") as opened:
        yield opened


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    rng = random.Random(SEED)
    return [np.asarray(draw(sample_scene(rng), seed).convert("RGB")) for seed in range(PICTURES)]


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def decibels(toolbox: Toolbox, task: str, pixels: np.ndarray, wanted: np.ndarray, **values: Any) -> float:
    """PSNR of a restored picture."""
    reference = toolbox.add_picture(png(wanted))
    image = toolbox.add_picture(png(pixels))
    result = toolbox.run(task, image=image, reference=reference, jpeg_quality=100, **values)
    return result.pictures[0].measured["psnr"]


def compared(name: str, ours: list[float], theirs: list[float]) -> float:
    gains = np.subtract(ours, theirs)
    error = 1.96 * gains.std(ddof=1) / len(gains) ** 0.5
    print(f"{name}: {np.mean(ours):.2f} dB, {np.mean(theirs):.2f} without, {gains.mean():+.2f} ± {error:.2f}")
    return float(gains.mean() - error)


def test_enlarged_fourfold(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    ours, theirs, plain = [], [], []
    for picture in pictures:
        small = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BICUBIC))
        ask = {"noise": 0, "scale": 4}
        ours.append(decibels(toolbox, "upscale", small, picture, upscaler="storybook", **ask))
        theirs.append(decibels(toolbox, "upscale", small, picture, upscaler="sdtoolbox-x4", **ask))
        plain.append(decibels(toolbox, "upscale", small, picture, upscaler="lanczos", **ask))
    compared("Lanczos beside the network", plain, theirs)
    assert compared("four times as large, by storybook", ours, theirs) > 0


def test_strong_noise(toolbox: Toolbox, pictures: list[np.ndarray]) -> None:
    rng = np.random.default_rng(SEED)
    ours, theirs = [], []
    for picture in pictures:
        noisy = np.rint((picture + rng.normal(0, 50, picture.shape)).clip(0, 255)).astype(np.uint8)
        stages = ["sdtoolbox-denoiser", "storybook: strength=0.35, blend=0.5, steps=4"]
        ours.append(decibels(toolbox, "denoise", noisy, picture, noise=50, stages=stages))
        theirs.append(decibels(toolbox, "denoise", noisy, picture, noise=50, stages=stages[:1]))
    assert compared("noise of 50, storybook after the network", ours, theirs) > 0
