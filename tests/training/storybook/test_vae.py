import random
from pathlib import Path

import pytest
import torch
from PIL import Image

from sdtoolbox.training.run import Options
from sdtoolbox.training.storybook import vae


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> vae.AutoencoderKL:
    monkeypatch.setattr(vae, "CHANNELS", (8, 8, 16, 16))
    torch.manual_seed(0)
    return vae.build().eval()


def test_pictures_become_tensors_and_come_back() -> None:
    pictures = vae.held_out_pictures(2)
    pixels = vae.to_tensor(pictures)
    assert pixels.shape == (2, 3, 128, 128)
    assert pixels.min() >= -1.0
    assert pixels.max() <= 1.0
    assert [p.tobytes() for p in vae.to_pictures(pixels)] == [p.tobytes() for p in pictures]


def test_crops_are_the_same_for_the_same_generator() -> None:
    first, again = (vae.crops(random.Random(3), 6) for _ in range(2))
    assert first.shape == (6, 3, 64, 64)
    assert torch.equal(first, again)


def test_the_latents_are_a_sixteenth_of_the_edge(small: vae.AutoencoderKL) -> None:
    pixels = vae.to_tensor(vae.held_out_pictures(1))
    assert small.encode(pixels).latent_dist.mean.shape == (1, 4, 16, 16)


def test_normalised_latents_leave_the_pictures_as_they_were(small: vae.AutoencoderKL) -> None:
    pictures = vae.held_out_pictures(16)
    pixels = vae.to_tensor(pictures)
    with torch.no_grad():
        before = small.encode(pixels).latent_dist
        made = small.decode(before.mean).sample
        vae.normalize_latents(small, pictures)
        after = small.encode(pixels).latent_dist
        again = small.decode(after.mean).sample
    assert torch.allclose(made, again, atol=1e-4)
    assert torch.allclose(after.mean.mean((0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(after.mean.std((0, 2, 3)), torch.ones(4), atol=1e-4)
    ratio = before.mean.std((0, 2, 3))  # the posterior's spread shrinks with the scale
    assert torch.allclose(after.std, before.std / ratio[None, :, None, None], rtol=1e-3)
    assert small.config.scaling_factor == 1.0


def test_a_perfect_picture_costs_nothing_and_a_wrong_colour_more_than_a_wrong_brightness() -> None:
    wanted = torch.zeros(1, 3, 8, 8)
    grey = wanted + 0.1
    red = wanted.clone()
    red[:, 0] += 0.3  # the same mean error
    assert vae.picture_loss(wanted, wanted) == 0
    assert vae.picture_loss(red, wanted) > vae.picture_loss(grey, wanted)


def test_psnr_of_known_errors() -> None:
    black, grey = Image.new("RGB", (4, 4), (0, 0, 0)), Image.new("RGB", (4, 4), (51, 51, 51))
    assert vae.psnr(black, grey) == pytest.approx(13.9794, abs=1e-4)  # 20 log10(255 / 51)
    assert vae.mean_psnr([black, black], [grey, grey]) == pytest.approx(13.9794, abs=1e-4)


def test_the_last_part_of_training_sees_whole_pictures(small: vae.AutoencoderKL, tmp_path: Path) -> None:
    recipe = vae.Recipe(Options(tmp_path, batch=4))
    seen: list[tuple[int, ...]] = []
    encode = recipe.vae.encode
    recipe.vae.encode = lambda pixels: seen.append(tuple(pixels.shape)) or encode(pixels)
    recipe.loss(0, 0.0)
    recipe.loss(1, 0.9)
    assert seen == [(4, 3, 64, 64), (1, 3, 128, 128)]


def test_the_sheet_shows_originals_over_reconstructions() -> None:
    red, blue = Image.new("RGB", (128, 128), "red"), Image.new("RGB", (128, 128), "blue")
    sheet = vae.sheet([red] * 3, [blue] * 3, columns=2)
    assert sheet.size == (260, 520)
    assert sheet.getpixel((5, 5)) == (255, 0, 0)
    assert sheet.getpixel((5, 135)) == (0, 0, 255)
