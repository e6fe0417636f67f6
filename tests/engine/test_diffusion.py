from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.txt2img import run
from tests.engine.test_text import pipeline_of
from tests.fakes import FakeContext

SAMPLERS = ["euler", "euler_ancestral", "dpmpp_2m_sde", "unipc"]


def draw(model: Any, **values: Any) -> list[Drawn]:
    settled = {
        "checkpoint": "tiny",
        "width": 64,
        "height": 64,
        "steps": 5,
        "sampler": "euler",
        "schedule": "karras",
        "guidance_scale": 4.0,
        "seed": 10,
        "prompt": "a red house",
    }
    return list(run(Txt2Img.parse(settled | values), FakeContext({"tiny": model})))


def difference(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one, dtype=np.int16) - np.asarray(other, dtype=np.int16)).max())


def damaged(model: LatentDiffusion, part: str, dtype: torch.dtype = torch.float32) -> LatentDiffusion:
    """A copy of a model whose `part` ends with a weight that is not a number."""
    components = copy.deepcopy(model._components)
    network = getattr(components, part)
    out = network.conv_out if part == "unet" else network.decoder.conv_out
    with torch.no_grad():
        out.bias[0] = float("nan")
    network.to(dtype)
    return LatentDiffusion(model.checkpoint, components, Device(torch.device("cpu"), 1, "cpu"), str)


def test_the_same_request_has_the_same_bytes(model: LatentDiffusion) -> None:
    one, other = draw(model, sampler="dpmpp_2m_sde")[0], draw(model, sampler="dpmpp_2m_sde")[0]
    assert one.image.tobytes() == other.image.tobytes()
    assert difference(one.image, draw(model, sampler="dpmpp_2m_sde", seed=11)[0].image) > 20
    assert difference(one.image, draw(model, sampler="dpmpp_2m_sde", prompt="the snow")[0].image) > 0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_third_of_a_batch_is_the_single_picture_of_its_seed(sampler: str, model: LatentDiffusion) -> None:
    batch = draw(model, sampler=sampler, batch_size=4, seed=10)
    (alone,) = draw(model, sampler=sampler, seed=12)
    assert batch[2].seed == alone.seed == 12
    assert difference(batch[2].image, alone.image) <= 1
    assert difference(batch[1].image, alone.image) > 20


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers, numpy 2
def test_the_picture_of_diffusers_own_pipeline(tiny_model: LatentDiffusion) -> None:
    pipeline = pipeline_of(tiny_model)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        dict(tiny_model._components.scheduler), timestep_spacing="linspace"
    )
    generators = [torch.Generator().manual_seed(seed) for seed in (10, 11)]
    options = {"negative_prompt": "snow", "guidance_scale": 4.0, "num_inference_steps": 5, "height": 72, "width": 56}
    theirs = pipeline("a red house", generator=generators, num_images_per_prompt=2, **options).images
    ours = draw(tiny_model, negative_prompt="snow", schedule="uniform", batch_size=2, height=72, width=56)
    for one, other in zip(ours, theirs, strict=True):
        assert difference(one.image, other) <= 1


@pytest.mark.parametrize(("width", "height"), [(16, 16), (57, 41), (64, 17), (129, 24), (64, 64)])
def test_every_size_comes_back_as_asked_for(width: int, height: int, tiny_model: LatentDiffusion) -> None:
    (drawn,) = draw(tiny_model, width=width, height=height, steps=2)
    assert drawn.image.size == (width, height)


def test_odd_sizes_are_cut_from_the_middle(tiny_model: LatentDiffusion) -> None:
    latents = tiny_model.noise([1], 60, 58).initial()
    (whole,), (part,) = tiny_model.decode(latents, 64, 64), tiny_model.decode(latents, 60, 58)
    assert difference(whole.crop((2, 3, 62, 61)), part) == 0


def test_the_negative_prompt_counts_and_guidance_1_leaves_it_out(tiny_model: LatentDiffusion) -> None:
    plain = draw(tiny_model)[0].image
    assert difference(plain, draw(tiny_model, negative_prompt="the snow")[0].image) > 0
    unguided = draw(tiny_model, guidance_scale=1)[0].image
    assert difference(unguided, draw(tiny_model, guidance_scale=1, negative_prompt="the snow")[0].image) == 0


def test_predicting_two_conditions_at_once_is_predicting_each(model: LatentDiffusion) -> None:
    conditions = [model.encode("a red house"), model.encode("tree " * 100)]
    x = model.noise([1, 2], 64, 64).initial() * 3
    together = model.predict(x, 3.0, conditions)
    assert [one.shape for one in together] == [x.shape] * 2
    longer = model.predict(x, 3.0, conditions[1:])[0]
    torch.testing.assert_close(together[1], longer, rtol=0, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_extreme_prompts_draw(tiny_model: LatentDiffusion) -> None:
    assert draw(tiny_model, prompt="", steps=1)[0].image.size == (64, 64)
    assert draw(tiny_model, prompt="a red house, " * 770, negative_prompt="snow", steps=1)[0].image.size == (64, 64)


@pytest.mark.parametrize(("part", "stage"), [("unet", "the network at noise level"), ("vae", "the decoder")])
def test_numbers_that_are_not_finite_are_an_error_that_names_the_stage(
    part: str, stage: str, tiny_model: LatentDiffusion
) -> None:
    with pytest.raises(UserError, match=stage) as caught:
        draw(damaged(tiny_model, part))
    assert caught.value.code == "NUMERIC"


def test_one_stage_is_tried_again_in_float32(tiny_model: LatentDiffusion) -> None:
    """A decoder whose numbers do not fit into half precision draws all the same, and is left as it was."""
    half = copy.deepcopy(tiny_model._components)
    with torch.no_grad():
        half.vae.decoder.conv_norm_out.weight.mul_(3e4)
        half.vae.decoder.conv_out.weight.div_(3e4)
    half.vae.to(torch.float16)
    whole = copy.deepcopy(half)
    whole.vae.float()
    expected, model = (
        LatentDiffusion(tiny_model.checkpoint, parts, Device(torch.device("cpu"), 1, "cpu"), str)
        for parts in (whole, half)
    )
    assert model.environment["decoder_precision"] == "float16"
    assert difference(draw(model)[0].image, draw(expected)[0].image) == 0
    assert model.environment["decoder_precision"] == "float16"


def test_the_sampler_is_blamed_for_numbers_that_it_sent(tiny_model: LatentDiffusion) -> None:
    x = tiny_model.noise([1], 64, 64).initial() * float("nan")
    with pytest.raises(UserError, match="was given"):
        tiny_model.predict(x, 1.0, [tiny_model.encode("")])


def test_out_of_memory_is_said_in_words(tiny_model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes.")

    monkeypatch.setattr(tiny_model._vae, "decode", too_much)
    with pytest.raises(UserError, match="1x4x8x8") as caught:
        draw(tiny_model)
    assert caught.value.code == "OUT_OF_MEMORY"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "the first error would keep its tensors alive"


def test_the_environment_says_what_decides_about_pixels(tiny_model: LatentDiffusion, tiny_checkpoint: Path) -> None:
    environment = tiny_model.environment
    assert environment["device"] == "cpu"
    assert environment["precision"] == environment["decoder_precision"] == "float32"
    assert environment["threads"] == torch.get_num_threads()
    assert environment["torch"] == torch.__version__
    assert environment["diffusers"] == diffusers.__version__
    assert environment["checkpoint"]["name"] == "tiny"
    assert len(environment["checkpoint"]["sha256"]) == 64
