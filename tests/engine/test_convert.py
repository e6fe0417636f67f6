"""Pickles become safetensors in a process with limits; one that would do anything else is refused and does nothing."""

from __future__ import annotations

import json
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from sdtoolbox.cli import main
from sdtoolbox.engine import convert as module
from sdtoolbox.engine.convert import Conversion, convert
from sdtoolbox.errors import UserError
from sdtoolbox.models.header import read_header
from tests.models.layouts.adapters import kohya, text_layers


class Evil:
    """A pickle of this writes a file when it is opened."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return exec, (f"import pathlib; pathlib.Path({str(self.target)!r}).write_text('was here')",)


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    shapes = {"emb_params": (4, 768)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def here(source: Path, target: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """What the process with limits does, without starting one."""
    done = module._convert_here(source, target)
    return load_file(target), list(done["warnings"])


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


def write_evil(how: str, source: Path, evil: Evil) -> None:
    if how == "bare pickle":
        source.write_bytes(pickle.dumps(evil))
    elif how == "inside a checkpoint":
        torch.save({"state_dict": weights(), "callbacks": evil}, source)
    else:
        torch.save(evil, source, _use_new_zipfile_serialization=how == "zip")


@pytest.mark.parametrize("how", ["zip", "older format", "bare pickle", "inside a checkpoint"])
def test_a_pickle_that_would_write_a_file_is_refused_and_the_file_never_appears(how: str, tmp_path: Path) -> None:
    target, source = tmp_path / "was-here", tmp_path / "evil.ckpt"
    write_evil(how, source, Evil(target))
    with pytest.raises(UserError) as caught:
        convert(source) if how == "zip" else module._convert_here(source, tmp_path / "evil.safetensors")
    assert caught.value.code == "MODEL_UNSAFE"
    assert "exec" in caught.value.message
    assert list(tmp_path.iterdir()) == [source]
    torch.load(source, weights_only=False) if how != "bare pickle" else pickle.loads(source.read_bytes())
    assert target.exists()  # it was a real one


@pytest.mark.parametrize("start", [0, 100, -200], ids=["empty", "beginning", "without its end"])
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "older format"])
def test_a_cut_file_is_refused_in_words(start: int, legacy: bool, tmp_path: Path) -> None:
    source = tmp_path / "cut.ckpt"
    torch.save(weights(), source, _use_new_zipfile_serialization=not legacy)
    source.write_bytes(source.read_bytes()[:start])
    with pytest.raises(UserError) as caught:
        module._convert_here(source, tmp_path / "x.safetensors")
    assert caught.value.code in ("MODEL_CORRUPT", "MODEL_UNSAFE")
    assert caught.value.hint
    assert not (tmp_path / "x.safetensors").exists()


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


def test_a_checkpoint_with_what_trainers_leave_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of training libraries are read as nothing, and only tensors are kept."""
    numpy = pytest.importorskip("numpy")
    fake = types.ModuleType("pytorch_lightning.callbacks")

    class ModelCheckpoint:
        def __init__(self) -> None:
            self.best = 1.0

    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = fake.__name__, "ModelCheckpoint"
    fake.ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pytorch_lightning", types.ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    source = tmp_path / "trained.ckpt"
    state = {**weights(), "step": 3, "lr": numpy.float64(0.1)}
    torch.save({"state_dict": state, "callbacks": {ModelCheckpoint: ModelCheckpoint()}}, source)
    made, warnings = here(source, tmp_path / "x.safetensors")
    assert set(made) == {"emb_params"}
    assert warnings == ["2 entries are not tensors that can be kept and were left out: step, lr"]


def test_shared_and_partial_memory_is_written_once_each(tmp_path: Path) -> None:
    whole = torch.arange(1000.0).reshape(10, 100)
    state = {"a": whole, "b": whole, "row": whole[3], "column": whole[:, 1], "turned": whole.T}
    source = tmp_path / "shared.pt"
    torch.save(state, source)
    made, warnings = here(source, tmp_path / "x.safetensors")
    assert warnings == []
    assert set(made) == set(state)
    assert all(torch.equal(made[name], value) for name, value in state.items())


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda tensor: {"params": {"w": tensor * 0}, "params_ema": {"w": tensor}}, "w"),
        (lambda tensor: {"image_proj": {"w": tensor}, "ip_adapter": {}}, "image_proj.w"),
        (lambda tensor: {"string_to_token": {"*": 265}, "string_to_param": {"*": tensor}}, "emb_params"),
        (lambda tensor: {"w": torch.nn.Parameter(tensor)}, "w"),
    ],
    ids=["averaged weights", "parts", "an embedding", "parameters"],
)
def test_wrappings_are_taken_off(wrap: Any, name: str, tmp_path: Path) -> None:
    tensor = weights()["emb_params"]
    torch.save(wrap(tensor), tmp_path / "a.pt")
    made, _ = here(tmp_path / "a.pt", tmp_path / "x.safetensors")
    assert list(made) == [name]
    assert torch.equal(made[name], tensor)


def test_a_pickle_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="it holds no tensors"):
        module._convert_here(tmp_path / "a.pt", tmp_path / "x.safetensors")


def test_tensors_that_the_format_has_no_room_for_are_left_out(tmp_path: Path) -> None:
    state = {**weights(), "complex": torch.zeros(2, dtype=torch.complex128)}
    torch.save(state, tmp_path / "a.pt")
    made, warnings = here(tmp_path / "a.pt", tmp_path / "x.safetensors")
    assert list(made) == ["emb_params"]
    assert warnings == ["1 entries are not tensors that can be kept and were left out: complex"]


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


def test_the_command_imports_no_torch() -> None:
    import subprocess

    code = "import sys, sdtoolbox.engine.convert; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
