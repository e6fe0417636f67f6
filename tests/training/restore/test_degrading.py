import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sdtoolbox.training.restore import degrading


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def smooth(size: int) -> Tensor:
    """A picture (1, 3, size, size) with 8-bit values that JPEG bears well."""
    rows = torch.linspace(0.2, 0.8, size)
    picture = torch.stack([rows[:, None].expand(size, size), rows.expand(size, size), (rows[:, None] + rows) / 2])
    return degrading.round_to_bytes(picture)[None]


@pytest.mark.parametrize("scale", [2, 4])
def test_pictures_shrink_as_with_pillow(scale: int) -> None:
    array = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    theirs = Image.fromarray(array).resize((48 // scale, 64 // scale), Image.Resampling.BICUBIC)
    ours = degrading.shrink(torch.from_numpy(array).permute(2, 0, 1)[None] / 255.0, scale)
    differences = (ours[0].permute(1, 2, 0).numpy() * 255.0 - np.asarray(theirs)).round()
    assert np.abs(differences).max() <= 2.0  # Pillow rounds between its two passes
    assert np.abs(differences).mean() < 0.2


def test_noise_has_the_deviation_that_its_map_says(generator: torch.Generator) -> None:
    maps = degrading.noise_maps(64, 32, generator)
    assert maps.shape == (64, 1, 32, 32)
    assert maps.min() >= 0.0
    assert maps.max() <= degrading.STRONGEST
    assert 8 <= (maps.flatten(1).std(1) > 1e-6).sum() <= 24  # a quarter of them changes from place to place
    noise = degrading.add_noise(torch.full((64, 3, 32, 32), 0.5), maps, generator) - 0.5
    assert (noise / maps.clamp_min(2.0 / 255.0))[maps.expand_as(noise) > 4.0 / 255.0].std() == pytest.approx(
        1, abs=0.02
    )


def test_two_of_three_noisy_pictures_are_what_a_file_holds(generator: torch.Generator) -> None:
    noisy = degrading.add_noise(torch.zeros(90, 3, 8, 8), torch.full((90, 1, 1, 1), 0.1), generator)
    held = [bool(torch.equal(one, degrading.round_to_bytes(one))) for one in noisy]
    assert 45 <= sum(held) <= 75


def test_softening_keeps_the_mean_and_takes_contrast(generator: torch.Generator) -> None:
    sharp = torch.rand(3, 3, 32, 32, generator=generator)
    soft = degrading.soften(sharp, 1.2, generator)
    assert soft.shape == sharp.shape
    assert soft.mean() == pytest.approx(float(sharp.mean()), abs=0.01)
    assert (soft.std((1, 2, 3)) <= sharp.std((1, 2, 3))).all()
    flat = torch.full((2, 3, 16, 16), 0.3)
    assert torch.allclose(degrading.soften(flat, 1.2, generator), flat, atol=1e-5)


def test_worse_quality_and_fewer_colours_are_further_from_the_picture() -> None:
    picture = smooth(64)[0]
    picture[0, 20:40, 20:40] = 1.0
    errors = [
        float((degrading.compress(picture, quality, subsampled) - picture).square().mean())
        for quality, subsampled in ((95, False), (95, True), (10, True))
    ]
    assert 0.0 < errors[0] < errors[1] < errors[2]
