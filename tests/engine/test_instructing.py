"""Networks that edit by instruction draw what diffusers' own pipelines draw of the same picture, words and noise."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch

from sdtoolbox.changes import Instruct
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.samplers.euler import euler
from sdtoolbox.samplers.guidance import Remembering, classifier_free
from sdtoolbox.samplers.instructing import picture_guidance
from sdtoolbox.samplers.schedules import uniform
from tests.engine.test_families import SEED, difference, model_of, write
from tests.engine.test_inpainting import HEIGHT, WIDTH, picture
from tests.samplers.problems import no_noise

STEPS, TEXT, PICTURE = 5, 4.0, 1.7
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers, numpy 2


def theirs(folder: Path, **size: int) -> torch.Tensor:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="linspace"
    )
    latents: torch.Tensor = pipeline(
        "a red house",
        image=picture(),
        negative_prompt="snow",
        guidance_scale=TEXT,
        image_guidance_scale=PICTURE,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(SEED),
        output_type="latent",
        **size,
    ).images
    return latents


def ours(model: LatentDiffusion) -> torch.Tensor:
    shown = model.changed(Instruct(picture()))
    prompt, negative = model.encode("a red house"), model.encode("snow", negative=True)
    predict = Remembering(shown.predict)
    guided = classifier_free(prompt, negative, TEXT)(predict)
    hidden = Remembering(model.predict).alone(negative)
    denoise = picture_guidance(predict.alone(negative), hidden, PICTURE)(guided)
    sigmas = uniform(STEPS, model.noise_table)
    x = torch.randn(1, 4, HEIGHT // 8, WIDTH // 8, generator=torch.Generator().manual_seed(SEED)) * sigmas[0]
    return euler(denoise, x, sigmas, noise=no_noise, on_step=lambda *_: None)


@pytest.mark.parametrize("base", ["sd1", "sd2", "sdxl"])
def test_editing_by_instruction(base: str, tmp_path: Path) -> None:
    folder, file = write(tmp_path, base, variant="instruct")
    model = model_of(folder, base)
    assert model.variant == "instruct"
    size = {"width": WIDTH, "height": HEIGHT} if base == "sdxl" else {}  # the others take the picture's
    found, wanted = ours(model), theirs(folder, **size)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5 * float(wanted.std()))
    from_file = ours(model_of(file, base))
    assert difference(*(model.decode(latents, WIDTH, HEIGHT)[0] for latents in (found, from_file))) == 0


def test_without_a_picture_it_is_shown_nothing(tmp_path: Path) -> None:
    model = model_of(write(tmp_path, "sd1", variant="instruct")[0], "sd1")
    x = torch.zeros(1, 4, HEIGHT // 8, WIDTH // 8)
    assert not model._shown_beside(x).any()
    shown = model.changed(Instruct(picture().rotate(180)), Instruct(picture()))._shown_beside(x)
    wanted = model.latents([picture()]) / model._autoencoder._scale
    torch.testing.assert_close(shown, wanted)


def test_other_networks_do_not_notice(tiny_model: LatentDiffusion) -> None:
    told = tiny_model.changed(Instruct(picture()))
    x, condition = torch.ones(1, 4, HEIGHT // 8, WIDTH // 8), tiny_model.encode("a house")
    assert torch.equal(told.predict(x, 1.0, [condition])[0], tiny_model.predict(x, 1.0, [condition])[0])


def test_a_picture_of_another_size_is_a_mistake(tmp_path: Path) -> None:
    model = model_of(write(tmp_path, "sd1", variant="instruct")[0], "sd1").changed(Instruct(picture()))
    with pytest.raises(ValueError, match="cannot be edited"):
        model.predict(torch.zeros(1, 4, 8, 8), 1.0, [model.encode("")])
