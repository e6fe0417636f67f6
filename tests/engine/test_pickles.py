"""Weights come out of a pickle whole, whatever trainers wrapped around them; a program inside is refused."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from sdtoolbox.engine.pickles import tensors_of, unpickle
from sdtoolbox.errors import UserError


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


def read(source: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    return tensors_of(unpickle(source), source)


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
        unpickle(source)
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
        read(source)
    assert caught.value.code in ("MODEL_CORRUPT", "MODEL_UNSAFE")
    assert caught.value.hint


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
    made, warnings = read(source)
    assert set(made) == {"emb_params"}
    assert warnings == ["2 entries are not tensors that can be kept and were left out: step, lr"]


def test_shared_and_partial_memory_is_written_once_each(tmp_path: Path) -> None:
    whole = torch.arange(1000.0).reshape(10, 100)
    state = {"a": whole, "b": whole, "row": whole[3], "column": whole[:, 1], "turned": whole.T}
    source = tmp_path / "shared.pt"
    torch.save(state, source)
    made, warnings = read(source)
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
    made, _ = read(tmp_path / "a.pt")
    assert list(made) == [name]
    assert torch.equal(made[name], tensor)


def test_a_pickle_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="it holds no tensors"):
        read(tmp_path / "a.pt")


def test_tensors_that_the_format_has_no_room_for_are_left_out(tmp_path: Path) -> None:
    state = {**weights(), "complex": torch.zeros(2, dtype=torch.complex128)}
    torch.save(state, tmp_path / "a.pt")
    made, warnings = read(tmp_path / "a.pt")
    assert list(made) == ["emb_params"]
    assert warnings == ["1 entries are not tensors that can be kept and were left out: complex"]
