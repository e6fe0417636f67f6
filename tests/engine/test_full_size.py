"""Stable Diffusion 1.5 at its full size with random weights: 860 million parameters, 2 GB a file, some minutes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.vocabulary import clip_tokenizer
from tests.engine.test_diffusion import difference, draw
from tests.engine.test_single_file import entry_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # diffusers, numpy 2
]
CPU = Device(torch.device("cpu"), torch.get_num_threads(), "cpu")
SIDE, STEPS, SEED = 256, 2, 10
LARGEST_PEAK = 1.15  # times the size of the weights in memory
LOADS = """
import json, sys
from pathlib import Path
import torch
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.policy import Policy
from tests.engine.test_single_file import entry_of

def memory(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
policy = Policy(precision=getattr(torch, sys.argv[2]), channels_last=sys.argv[2] != "float32")
components = load(entry_of(Path(sys.argv[1]), "sd1"), Device(torch.device("cpu"), 1, "cpu"), policy=policy)
print(json.dumps({"weights": components.bytes, "peak": memory("VmHWM") - before}))
"""


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The same weights as a folder and as a file, fp16."""
    root = tmp_path_factory.mktemp("full")
    paths = {"folder": root / "random", "file": root / "random.safetensors"}
    _write_folder(paths["folder"])
    write_original(paths["folder"], paths["file"], "sd1")
    yield paths
    shutil.rmtree(root)


def _write_folder(folder: Path) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = diffusers.UNet2DConditionModel(cross_attention_dim=768, sample_size=64)
        assert sum(p.numel() for p in unet.parameters()) == 859_520_964
        unet.half().save_pretrained(folder / "unet")
        vae = diffusers.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            norm_num_groups=32,
        )
        vae.half().save_pretrained(folder / "vae")
        text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12)
        CLIPTextModel(text).half().save_pretrained(folder / "text_encoder")
    clip_tokenizer().save_pretrained(folder / "tokenizer")
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    diffusers.EulerDiscreteScheduler(**noise, timestep_spacing="linspace").save_pretrained(folder / "scheduler")
    parts = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **parts}))


def policy_of(precision: torch.dtype) -> Policy:
    return Policy(precision=precision, channels_last=precision != torch.float32)


def theirs(folder: Path, precision: torch.dtype) -> Image.Image:
    """diffusers' pipeline with its network and decoder in `precision`, and everything between in float32."""
    policy = policy_of(precision)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
        folder, local_files_only=True, dtype={"unet": precision, "vae": precision, "default": torch.float32}
    )
    pipeline.set_progress_bar_config(disable=True)
    if policy.channels_last:
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)

    def cast(value: Any) -> Any:
        return value.to(precision) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def narrow(_module: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        sample, t, *rest = inputs
        return (cast(sample), t, *map(cast, rest)), {key: cast(value) for key, value in named.items()}

    pipeline.unet.register_forward_pre_hook(narrow, with_kwargs=True)
    pipeline.unet.register_forward_hook(lambda module, inputs, output: (output[0].float(),))
    latents = pipeline(
        "a red house",
        negative_prompt="snow",
        guidance_scale=4.0,
        num_inference_steps=STEPS,
        height=SIDE,
        width=SIDE,
        generator=torch.Generator().manual_seed(SEED),
        output_type="latent",
    ).images
    with torch.no_grad():
        picture = pipeline.vae.decode(latents.to(precision) / pipeline.vae.config.scaling_factor).sample.float()
    image: Image.Image = pipeline.image_processor.postprocess(picture, output_type="pil")[0]
    return image


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_both_layouts_draw_what_diffusers_draws(precision: torch.dtype, layouts: dict[str, Path]) -> None:
    """To a grey level in float32; in bfloat16, whose every operation rounds, nearer than what the rounding costs."""
    pictures = [ours(path, precision) for path in layouts.values()]
    assert np.asarray(pictures[0]).std() > 5, "a picture without contrast shows nothing"
    assert difference(*pictures) == 0
    largest = difference(pictures[0], theirs(layouts["folder"], precision))
    allowed = 1.0
    if precision != torch.float32:
        allowed = difference(pictures[0], ours(layouts["folder"], torch.float32))
    print(f"\n{precision}: the largest difference to diffusers is {largest} of 255, allowed are {allowed}")
    assert largest <= allowed


def ours(path: Path, precision: torch.dtype) -> Image.Image:
    entry = entry_of(path, "sd1")
    model = LatentDiffusion(entry, load(entry, CPU, policy=policy_of(precision)), CPU, str)
    size = {"width": SIDE, "height": SIDE, "steps": STEPS, "schedule": "uniform", "seed": SEED}
    return draw(model, negative_prompt="snow", guidance_scale=4.0, **size)[0].image


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("layout", ["folder", "file"])
def test_loading_takes_little_more_memory_than_the_weights(
    layout: str, precision: str, layouts: dict[str, Path]
) -> None:
    command = [sys.executable, "-c", LOADS, str(layouts[layout]), precision]
    measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    share = measured["peak"] / measured["weights"]
    print(f"\n{layout} to {precision}: {measured['weights'] / 1e9:.2f} GB of weights, peak {share:.3f} times that")
    assert share <= LARGEST_PEAK
