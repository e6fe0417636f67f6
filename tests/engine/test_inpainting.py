"""Networks made for inpainting draw what diffusers' own pipelines draw of the same picture, mask, words and noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from sdtoolbox.changes import Repaint
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.protocols import Mask
from sdtoolbox.samplers.euler import euler
from sdtoolbox.samplers.guidance import classifier_free
from sdtoolbox.samplers.schedules import uniform
from tests.engine.test_families import SEED, model_of, write
from tests.samplers.problems import no_noise

WIDTH, HEIGHT, STEPS, GUIDANCE = 56, 72, 5, 4.0
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers, numpy 2


def picture() -> Image.Image:
    noise = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def round_mask() -> Image.Image:
    """Its edge goes through the middle of latents everywhere."""
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(mask).ellipse((9, 13, 43, 58), fill=255)
    return mask


def values(mask: Image.Image) -> Mask:
    return np.asarray(mask, dtype=np.float32) / 255


def theirs(folder: Path, strength: float, **shown: Any) -> torch.Tensor:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="linspace"
    )
    latents: torch.Tensor = pipeline(
        "a red house",
        negative_prompt="snow",
        guidance_scale=GUIDANCE,
        num_inference_steps=STEPS,
        strength=strength,
        generator=torch.Generator().manual_seed(SEED),
        output_type="latent",
        width=WIDTH,
        height=HEIGHT,
        **shown,
    ).images
    return latents


def ours(model: LatentDiffusion, strength: float, image: Image.Image) -> torch.Tensor:
    """As many of the last steps as the strength says, of noise, or of noise over the picture."""
    sigmas = uniform(STEPS, model.noise_table)[STEPS - int(STEPS * strength) :]
    generator, x = torch.Generator().manual_seed(SEED), torch.zeros(1, 4, HEIGHT // 8, WIDTH // 8)
    if strength < 1:
        torch.randn(x.shape, generator=generator)  # diffusers' encoder takes these
        x = model.latents([image])
    x = x + torch.randn(x.shape, generator=generator) * sigmas[0]
    denoise = classifier_free(model.encode("a red house"), model.encode("snow", negative=True), GUIDANCE)(model.predict)
    return euler(denoise, x, sigmas, noise=no_noise, on_step=lambda *_: None)


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("base", ["sd1", "sdxl"])
def test_inpainting(base: str, strength: float, tmp_path: Path) -> None:
    folder, _ = write(tmp_path, base, variant="inpaint")
    image, mask = picture(), round_mask()
    model = model_of(folder, base)
    found = ours(model.changed(Repaint(image, values(mask))), strength, image)
    wanted = theirs(folder, strength, image=image, mask_image=mask)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5 * float(wanted.std()))
    assert (found - ours(model, strength, image)).abs().max() > 0.1, "without the change it is told of nothing"


def test_other_networks_do_not_notice(tiny_model: LatentDiffusion) -> None:
    image = picture()
    told = tiny_model.changed(Repaint(image, values(round_mask())))
    assert (tiny_model.variant, told.variant) == ("", "")
    assert torch.equal(ours(told, 1.0, image), ours(tiny_model, 1.0, image))


def test_of_two_pictures_the_last_one_counts_for_all_of_a_batch(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, "sd1", variant="inpaint")
    model, mask = model_of(folder, "sd1"), values(round_mask())
    assert model.variant == "inpaint"
    told = model.changed(Repaint(picture().rotate(180), mask)).changed(Repaint(picture(), mask))
    x, condition = torch.randn(2, 4, 9, 7, generator=torch.Generator().manual_seed(0)), model.encode("a house")
    both = told.predict(x, 2.0, [condition])[0]
    for i in (0, 1):
        alone = model.changed(Repaint(picture(), mask)).predict(x[i : i + 1], 2.0, [condition])[0]
        torch.testing.assert_close(both[i : i + 1], alone, rtol=0, atol=1e-4)


def test_a_picture_or_a_mask_of_another_size_is_a_mistake(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, "sd1", variant="inpaint")
    model, mask = model_of(folder, "sd1"), values(round_mask())
    x = torch.zeros(1, 4, 9, 7)
    for wrong in (Repaint(picture().resize((64, 72)), mask), Repaint(picture().resize((64, 72)), mask.T)):
        with pytest.raises(ValueError, match="cannot be repainted"):
            model.changed(wrong).predict(x, 2.0, [model.encode("")])
