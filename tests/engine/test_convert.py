"""Pickles become safetensors in a process with limits; one that would do anything else is refused and does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from sdtoolbox.cli import main
from sdtoolbox.engine import convert as module
from sdtoolbox.engine.convert import Conversion, convert
from sdtoolbox.errors import UserError
from sdtoolbox.models.header import read_header
from tests.engine.test_pickles import Evil, weights
from tests.models.layouts.adapters import kohya, text_layers


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "older format"])
def test_weights_come_through_bit_for_bit(legacy: bool, tmp_path: Path) -> None:
    source = tmp_path / "style.pt"
    torch.save({"state_dict": weights(), "step": 5}, source, _use_new_zipfile_serialization=not legacy)
    done = convert(source)
    assert done == Conversion(
        file=str(tmp_path / "style.safetensors"),
        tensors=1,
        kind="embedding",
        base="sd1",
        state="ready",
        reason="",
        warnings=(),
    )
    made = load_file(tmp_path / "style.safetensors")
    assert torch.equal(made["emb_params"], weights()["emb_params"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["style.pt", "style.safetensors"]


def test_a_pickle_that_would_write_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "evil.ckpt"
    torch.save(Evil(tmp_path / "was-here"), source)
    with pytest.raises(UserError) as caught:
        convert(source)
    assert caught.value.code == "MODEL_UNSAFE"
    assert "exec" in caught.value.message
    assert list(tmp_path.iterdir()) == [source]


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    source = tmp_path / "page.ckpt"
    source.write_bytes(b"<html>log in")
    with pytest.raises(UserError, match="it is a web page"):
        convert(source)
    save_file(weights(), tmp_path / "already.ckpt")
    with pytest.raises(UserError, match=r"already\.ckpt is a safetensors file already"):
        convert(tmp_path / "already.ckpt")
    with pytest.raises(UserError, match=r"there is no file 'none\.ckpt'") as caught:
        convert(tmp_path / "none.ckpt")
    assert caught.value.code == "MODEL_MISSING"


def test_nothing_is_written_over_without_force(tmp_path: Path) -> None:
    source, output = tmp_path / "a.pt", tmp_path / "b.safetensors"
    torch.save(weights(), source)
    output.write_bytes(b"mine")
    with pytest.raises(UserError, match=r"b\.safetensors exists\. Write over it with --force"):
        convert(source, output)
    assert output.read_bytes() == b"mine"
    convert(source, output, force=True)
    assert len(read_header(output).tensors) == 1


@pytest.mark.parametrize(
    ("name", "words"), [("out.ckpt", "is not a safetensors file"), ("no/x.safetensors", "the folder of x.safetensors")]
)
def test_the_output_must_be_a_place_for_it(name: str, words: str, tmp_path: Path) -> None:
    source = tmp_path / "a.pt"
    torch.save(weights(), source)
    with pytest.raises(UserError, match=words):
        convert(source, tmp_path / name)


def test_the_process_has_limits(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    import subprocess

    code = (
        "import resource, sdtoolbox.engine.convert as c; c._limit(1000, 7); print([resource.getrlimit(r)[0] for r in "
    )
    code += "(resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [module.ROOM + 4000, 7, 2000 + (1 << 20), 0]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "TIMEOUT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "MODEL_CORRUPT"),
        ("import os, signal; signal.signal(25, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGXFSZ)", "MODEL_CORRUPT"),
        ("print('not JSON')", "MODEL_CORRUPT"),
        ("print(5)", "MODEL_CORRUPT"),
    ],
)
def test_a_process_that_dies_is_an_error_in_words(
    program: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, fake = tmp_path / "a.pt", tmp_path / "python"
    torch.save(weights(), source)
    fake.write_text(f"#!{sys.executable}\n{program}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(fake))
    with pytest.raises(UserError) as caught:
        convert(source)
    assert caught.value.code == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "python"]


def test_the_command_converts_and_recognises(tmp_path: Path) -> None:
    source, output = tmp_path / "old.ckpt", tmp_path / "new.safetensors"
    layers = kohya(text_layers(768, 2), "lora_te_", rank=4)
    torch.save({"state_dict": {name: torch.zeros(shape) for name, shape in layers.items()}, "epoch": 1}, source)
    run = CliRunner().invoke(main, ["models", "convert", str(source), "--output", str(output), "--json"])
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert (answer["file"], answer["kind"], answer["base"]) == (str(output), "lora", "sd1")
    again = CliRunner().invoke(main, ["models", "convert", str(source), "--output", str(output)])
    assert again.exit_code == 1
    assert "exists" in again.stderr


def test_the_command_takes_a_name_of_the_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_HOME", str(tmp_path))
    folder = tmp_path / "models" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save({"a": torch.zeros(3)}, folder / "old one.ckpt")
    run = CliRunner().invoke(main, ["models", "convert", "old one"])
    assert run.exit_code == 0, run.output
    assert (folder / "old one.safetensors").is_file()
    missing = CliRunner().invoke(main, ["models", "convert", "no such"])
    assert (missing.exit_code, "no such" in missing.stderr) == (1, True)


def test_the_command_imports_no_torch() -> None:
    code = "import sys, sdtoolbox.engine.convert; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.split() == [b"False"]
