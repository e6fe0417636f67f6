"""What is measured of a picture's damage: from its file where that says it, from what can be seen in it else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images import damage as damaging
from sdtoolbox.images.damage import NO_JPEG, damage
from tests.images.videos import video

RAMP = np.add.outer(np.arange(96), np.arange(128))[..., None].repeat(3, axis=2).astype(np.float64)


def noisy(sigma: float) -> np.ndarray:
    values = RAMP + np.random.default_rng(0).normal(0, sigma, RAMP.shape)
    return np.rint(values.clip(0, 255)).astype(np.uint8)


@pytest.mark.parametrize("sigma", [5, 20])
def test_noise_is_measured(tmp_path: Path, sigma: float) -> None:
    Image.fromarray(noisy(sigma)).save(tmp_path / "a.png")
    noise, quality = damage(tmp_path / "a.png")
    assert noise == pytest.approx(sigma, rel=0.15)
    assert quality == NO_JPEG


def test_a_jpeg_says_its_quality(tmp_path: Path) -> None:
    Image.fromarray(noisy(0)).save(tmp_path / "a.jpg", quality=40)
    assert damage(tmp_path / "a.jpg")[1] == 40


def test_what_is_hidden_says_nothing(tmp_path: Path) -> None:
    pixels = np.dstack([noisy(30), np.zeros(RAMP.shape[:2], np.uint8)])
    pixels[:48, :, :3], pixels[:48, :, 3] = noisy(5)[:48], 255
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    assert damage(tmp_path / "a.png")[0] == pytest.approx(5, rel=0.25), "the noise under the alpha is seen by nobody"


def test_a_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(noisy(5)).save(tmp_path / "a.png")
    measured: list[int] = []
    level = damaging.noise_level
    monkeypatch.setattr(damaging, "noise_level", lambda pixels: measured.append(1) or level(pixels))
    assert damage(tmp_path / "a.png") == damage(tmp_path / "a.png")
    assert len(measured) == 1


def test_a_video_is_as_noisy_as_most_of_its_frames(tmp_path: Path) -> None:
    clip = [np.rint((RAMP + np.random.default_rng(i).normal(0, 15, RAMP.shape)).clip(0, 255)) for i in range(25)]
    clip[3] = np.full(RAMP.shape, 40.0)  # a black moment
    file = tmp_path / "a.mp4"
    file.write_bytes(video([one.astype(np.uint8) for one in clip], sound="", pix_fmt="yuv444p"))
    assert damage(file)[0] == pytest.approx(15, rel=0.2)
