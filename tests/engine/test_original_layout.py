from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.single_file import CONFIG
from sdtoolbox.errors import UserError
from sdtoolbox.models.header import read_header
from tests.engine.test_diffusion import difference, draw
from tests.engine.test_single_file import entry_of

CPU = Device(torch.device("cpu"), 1, "cpu")
STORYBOOK = Path(__file__).parents[2] / "assets" / "models" / "checkpoints" / "storybook"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in model in the original layout, written by the command."""
    out = tmp_path_factory.mktemp("original") / "storybook.safetensors"
    module = "sdtoolbox.engine.original_layout"
    subprocess.run([sys.executable, "-m", module, str(STORYBOOK), str(out)], check=True)
    return out


def test_the_built_in_model_draws_the_same_pixels_from_a_single_file(file: Path) -> None:
    pictures = []
    for path in (STORYBOOK, file):
        entry = entry_of(path, "sd1")
        model = LatentDiffusion(entry, load(entry, CPU), CPU, str)
        values = {"prompt": "a red house in the snow, night", "width": 128, "height": 128, "sampler": "dpmpp_2m"}
        pictures.append(draw(model, **values)[0].image)
    assert difference(*pictures) == 0
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_the_file_is_one_that_every_program_can_read(file: Path) -> None:
    header = read_header(file)
    assert header.body % 8 == 0
    with safe_open(file, "pt") as theirs:
        assert set(theirs.keys()) == header.tensors.keys()
        weight = theirs.get_tensor("model.diffusion_model.input_blocks.0.0.weight")
    assert weight.dtype == torch.float16, "weights keep their type"
    assert header.metadata["modelspec.architecture"] == "stable-diffusion-v1"
    assert header.metadata["modelspec.prediction_type"] == "v"
    assert header.metadata["modelspec.title"] == "storybook"
    configs = json.loads(header.metadata[CONFIG])
    assert {"unet", "vae", "text_encoder", "tokenizer", "scheduler", "checkpoint"} == configs.keys()


def test_writing_twice_gives_the_same_bytes(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_original(tiny_checkpoint, tmp_path / name, "sd1")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_folder_that_is_not_whole_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        write_original(tmp_path / "empty", tmp_path / "out.safetensors", "sd1")
    assert caught.value.code == "MODEL_MISSING"
    assert not (tmp_path / "out.safetensors").exists()
