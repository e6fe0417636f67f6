from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models import weights


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint that a test may break."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny"))


def test_the_weight_files_of_all_parts(folder: Path) -> None:
    (folder / "unet" / "notes.safetensors").write_bytes(b"")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"")
    names = [file.relative_to(folder).as_posix() for file in weights.weight_files(folder)]
    assert names == [
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]


def test_half_precision_alone_is_found(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert weights.variant(folder, "unet") == "fp16"
    assert weights.variant(folder, "vae") is None
    assert len(weights.weight_files(folder)) == 3


def test_pickles_are_refused_and_nothing_is_missing(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_name("diffusion_pytorch_model.bin"))
    with pytest.raises(UserError, match="pickle") as caught:
        weights.weight_files(folder)
    assert caught.value.code == "MODEL_UNSAFE"
    shutil.rmtree(folder / "unet")
    with pytest.raises(UserError, match=r"unet of tiny has no \.safetensors") as caught:
        weights.weight_files(folder)
    assert caught.value.code == "MODEL_MISSING"


def test_a_pipe_with_the_name_of_a_weight_file_is_never_opened(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match="has no"):
        weights.weight_files(folder)


def test_whole_files_pass_and_their_parameters_are_counted(folder: Path) -> None:
    from safetensors.torch import load_file

    for file in weights.weight_files(folder):
        assert weights.check(file) == sum(tensor.numel() for tensor in load_file(file).values())


def test_a_broken_file_is_named_with_its_cause(tmp_path: Path) -> None:
    file = tmp_path / "unet" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(UserError, match=r"unet/model\.safetensors cannot be used: it is a web page") as caught:
        weights.check(file)
    assert caught.value.code == "MODEL_CORRUPT"


def test_the_hash_follows_the_weights_and_is_computed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = weights.Hashes()
    first = hashes.sha256(folder)
    assert first == weights.Hashes().sha256(folder)
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text())))
    monkeypatch.setattr(weights.hashlib, "sha256", lambda: pytest.fail("computed again"))
    assert hashes.sha256(folder) == first
    monkeypatch.undo()
    file = weights.weight_files(folder)[0]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert hashes.sha256(folder) != first
