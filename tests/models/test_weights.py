from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.weights import all_files, required_files, weight_files


def names(files: list[Path], folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files]


def touch(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.mark.parametrize(
    ("stored", "taken"),
    [
        (["model.safetensors", "model.fp16.safetensors", "model.bf16.safetensors"], ["model.safetensors"]),
        (["model.bf16.safetensors", "model.fp16.safetensors"], ["model.fp16.safetensors"]),
        (["model.bf16.safetensors"], ["model.bf16.safetensors"]),
        (["notes.safetensors", "model.bin", "modelling.safetensors"], []),
        (
            ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "model.fp16.safetensors"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (["diffusion_pytorch_model.fp16-00001-of-00001.safetensors"], None),
        (["diffusion_pytorch_model-00001-of-00001.fp16.safetensors"], None),
    ],
)
def test_one_stored_precision_of_a_part_is_taken(stored: list[str], taken: list[str] | None, tmp_path: Path) -> None:
    assert names(weight_files(touch(tmp_path, *stored)), tmp_path) == (stored if taken is None else taken)


def test_all_parts_that_are_there_belong_to_a_checkpoint_and_a_part_alone_is_one(tmp_path: Path) -> None:
    refiner = touch(tmp_path / "refiner", *(f"{part}/model.safetensors" for part in ("vae", "unet", "text_encoder_2")))
    touch(refiner, "safety_checker/model.safetensors", "refiner.safetensors")
    assert names(all_files(refiner), refiner) == [
        "text_encoder_2/model.safetensors",
        "unet/model.safetensors",
        "vae/model.safetensors",
    ]
    vae = touch(tmp_path / "vae", "diffusion_pytorch_model.safetensors")
    assert names(all_files(vae), vae) == ["diffusion_pytorch_model.safetensors"]
    with pytest.raises(UserError, match=r"empty has no \.safetensors file") as caught:
        all_files(tmp_path / "empty")
    assert caught.value.code == "MODEL_MISSING"


def test_pickles_are_refused_and_nothing_is_missing(tmp_path: Path) -> None:
    folder = touch(tmp_path / "tiny", "unet/diffusion_pytorch_model.bin", "vae/config.json")
    with pytest.raises(UserError, match="unet of tiny is stored as a pickle") as caught:
        required_files(folder, "unet")
    assert caught.value.code == "MODEL_UNSAFE"
    with pytest.raises(UserError, match=r"vae of tiny has no \.safetensors") as caught:
        required_files(folder, "vae")
    assert caught.value.code == "MODEL_MISSING"
    with pytest.raises(UserError, match=r"^vae has no"):
        required_files(folder / "vae", ".")


def test_a_pipe_with_the_name_of_a_weight_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    assert weight_files(tmp_path) == []
