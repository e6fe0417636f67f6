"""Every family draws what diffusers' own pipelines draw from the same weights, prompt, noise and levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.conditioning import added_conditions
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.families import FAMILIES, family_of
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.text import Reading
from sdtoolbox.errors import UserError
from tests.engine.test_diffusion import difference, draw
from tests.engine.test_single_file import entry_of
from tests.tiny import write_checkpoint

CPU = Device(torch.device("cpu"), 1, "cpu")
STEPS, GUIDANCE, SEED = 4, 4.0, 10
SIZE = {"height": 72, "width": 56}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers, numpy 2


def write(root: Path, base: str, prediction: str = "epsilon", variant: str = "") -> tuple[Path, Path]:
    """A tiny checkpoint of a family in both layouts."""
    folder, file = root / "tiny", root / "tiny.safetensors"
    write_checkpoint(folder, prediction, base=base, variant=variant)
    if variant == "inpaint":
        _without_chance(folder)
    write_original(folder, file, base)
    return folder, file


def _without_chance(folder: Path) -> None:
    """diffusers samples the latents of the masked picture, and we take the likeliest: make these the same.

    Norms of random weights blow up the rounding on an even picture, where nothing varies: it must not show.
    """
    vae = diffusers.AutoencoderKL.from_pretrained(folder / "vae")
    with torch.no_grad():
        vae.quant_conv.weight[:4] *= 0.2
        vae.quant_conv.weight[4:] = 0
        vae.quant_conv.bias[4:] = -30  # the logarithm of the variance
    vae.save_pretrained(folder / "vae")


def model_of(path: Path, base: str) -> LatentDiffusion:
    entry = entry_of(path, base)
    return LatentDiffusion(entry, load(entry, CPU), CPU, str)


def ours(model: LatentDiffusion, **values: Any) -> Image.Image:
    options = {"negative_prompt": "snow", "guidance_scale": GUIDANCE, "steps": STEPS, "schedule": "uniform"}
    return draw(model, **SIZE, **(options | {"seed": SEED} | values))[0].image


def theirs(folder: Path, **values: Any) -> Image.Image:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="linspace"
    )
    options = {
        "prompt": "a red house",
        "negative_prompt": "snow",
        "guidance_scale": GUIDANCE,
        "num_inference_steps": STEPS,
        "generator": torch.Generator().manual_seed(SEED),
        **SIZE,
    }
    image: Image.Image = pipeline(**(options | values)).images[0]
    return image


CASES = [
    ("sd1", "epsilon"),
    ("sd1", "v_prediction"),
    ("sd2", "epsilon"),
    ("sd2", "v_prediction"),
    ("sdxl", "epsilon"),
    ("sdxl", "v_prediction"),
]


@pytest.mark.parametrize(("base", "prediction"), CASES)
def test_text_to_image(base: str, prediction: str, tmp_path: Path) -> None:
    folder, file = write(tmp_path, base, prediction)
    picture = ours(model_of(folder, base))
    assert np.asarray(picture).std() > 20, "a picture without contrast shows nothing"
    assert difference(picture, theirs(folder)) <= 1
    assert difference(picture, ours(model_of(file, base))) == 0


@pytest.mark.parametrize("base", ["sd1", "sd2", "sdxl"])
def test_networks_made_for_inpainting_draw_everything(base: str, tmp_path: Path) -> None:
    folder, file = write(tmp_path, base, variant="inpaint")
    grey = Image.new("RGB", (SIZE["width"], SIZE["height"]), (127, 127, 127))
    mask = Image.new("L", grey.size, 255)
    picture = ours(model_of(folder, base))
    assert difference(picture, theirs(folder, image=grey, mask_image=mask, strength=1.0)) <= 1
    assert difference(picture, ours(model_of(file, base))) == 0


def test_an_empty_negative_prompt_is_zeros_for_sdxl_alone(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, "sdxl")
    model = model_of(folder, "sdxl")
    empty = model.encode("", negative=True)
    assert not empty.chunks.any()
    assert empty.pooled is not None and not empty.pooled.any()
    assert model.encode("").chunks.any()
    assert difference(ours(model, negative_prompt=""), theirs(folder, negative_prompt=None)) <= 1


def test_the_refiner_is_told_how_beautiful_the_picture_should_be(tmp_path: Path) -> None:
    """diffusers has the refiner for image to image only, with its own encoding and time ids."""
    folder, file = write(tmp_path, "sdxl_refiner")
    pipeline = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(folder, local_files_only=True)
    wanted = pipeline.encode_prompt("a red house", device="cpu", negative_prompt="snow")
    sizes = ((64, 48), (0, 0), (64, 48), 6.0, 2.5, (64, 48), (0, 0), (64, 48))
    ids = pipeline._get_add_time_ids(*sizes, dtype=torch.float32, text_encoder_projection_dim=40)
    x = torch.randn((1, 4, 8, 6), generator=torch.Generator().manual_seed(0)) * 3
    sigma = 3.0
    for path in (folder, file):
        model = model_of(path, "sdxl_refiner")
        readings = [model.encode("a red house"), model.encode("snow", negative=True)]
        estimates = model.predict(x, sigma, readings)
        for k, reading in enumerate(readings):
            torch.testing.assert_close(reading.chunks, wanted[k].detach(), rtol=0, atol=1e-5)
            assert reading.pooled is not None
            torch.testing.assert_close(reading.pooled[None], wanted[2 + k].detach(), rtol=0, atol=1e-5)
            with torch.no_grad():
                noise = pipeline.unet(
                    x / (sigma**2 + 1) ** 0.5,
                    model.noise_table.t(sigma),
                    wanted[k],
                    added_cond_kwargs={"text_embeds": wanted[2 + k], "time_ids": ids[k]},
                ).sample
            torch.testing.assert_close(estimates[k], x - sigma * noise, rtol=0, atol=1e-4)
    assert ours(model).size == (SIZE["width"], SIZE["height"])


def test_sizes_are_those_of_the_latents_and_each_reading_has_its_row() -> None:
    readings = [Reading(torch.zeros(1, 77, 4), torch.ones(3) * k, negative=k == 1) for k in range(2)]
    added = added_conditions(family_of("sdxl"), readings, 2, 72, 56)
    assert added is not None
    assert added["time_ids"].tolist() == [[72, 56, 0, 0, 72, 56]] * 4
    assert added["text_embeds"][:, 0].tolist() == [0, 0, 1, 1]
    added = added_conditions(family_of("sdxl_refiner"), readings, 1, 72, 56)
    assert added is not None
    assert added["time_ids"].tolist() == [[72, 56, 0, 0, 6.0], [72, 56, 0, 0, 2.5]]
    assert added_conditions(family_of("sd1"), readings, 1, 72, 56) is None


def test_every_family_has_its_configurations() -> None:
    for base, family in FAMILIES.items():
        assert family.base == base
        assert {*family.parts, "scheduler"} == family.config().keys()
        family.config()["unet"]["changed"] = True
        assert "changed" not in family.config()["unet"]


def test_a_family_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(UserError, match="type flux1") as caught:
        family_of("flux1")
    assert caught.value.code == "MODEL_TYPE"


@pytest.mark.parametrize("base", ["sd1", "sdxl"])
def test_a_network_of_other_channels_is_refused(base: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny", base=base)
    unet = diffusers.UNet2DConditionModel.from_pretrained(tmp_path / "tiny" / "unet")
    diffusers.UNet2DConditionModel.from_config({**unet.config, "in_channels": 5}).save_pretrained(
        tmp_path / "tiny" / "unet"
    )
    with pytest.raises(UserError, match="the network of tiny takes 5 channels") as caught:
        model_of(tmp_path / "tiny", base)
    assert caught.value.code == "MODEL_TYPE"


@pytest.mark.parametrize(
    ("base", "precision", "expected"),
    [
        ("sdxl", torch.float16, torch.float32),
        ("sdxl", torch.bfloat16, torch.bfloat16),
        ("sd1", torch.float16, torch.float16),
    ],
)
def test_a_decoder_that_overflows_is_not_in_half_precision(
    base: str, precision: torch.dtype, expected: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "precision", lambda self, parameters: precision)
    write_checkpoint(tmp_path / "tiny", base=base)
    components: Components = load(entry_of(tmp_path / "tiny", base), CPU)
    assert components.unet.dtype == precision
    assert components.vae.dtype == expected
