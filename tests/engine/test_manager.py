from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from sdtoolbox.engine import manager as manager_module
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.settings import Settings


@pytest.fixture
def models(tiny_models: Path, tmp_path: Path) -> Path:
    """A copy of the tiny models that a test may break."""
    return Path(shutil.copytree(tiny_models, tmp_path / "models"))


def manager_of(models: Path, **settings: object) -> ModelManager:
    home = models.parent / "home"
    return ModelManager(Catalog([models]), Settings(home=home, device="cpu", threads=1, **settings))  # type: ignore[arg-type]


def test_a_model_is_loaded_once_and_kept(models: Path) -> None:
    manager = manager_of(models)
    loads: list[str] = []
    with manager.lease("tiny", on_loading=lambda: loads.append("tiny")) as first:
        pass
    with manager.lease("tiny", on_loading=lambda: loads.append("tiny")) as second:
        assert first is second
    assert loads == ["tiny"]
    assert manager.loaded() == [first.checkpoint.id]
    assert manager.device == "cpu"


def test_the_least_recently_used_goes_first_and_a_leased_one_never(models: Path) -> None:
    shutil.copytree(models / "checkpoints" / "tiny", models / "checkpoints" / "third")
    (models / "checkpoints" / "third" / "sdtoolbox.json").unlink()
    ids = {c.name: c.id for c in Catalog([models])}
    manager = manager_of(models, model_memory_gb=3e6 / 2**30)  # room for two of 1.2 MB
    with manager.lease("tiny"):
        with manager.lease("tiny-v"):
            pass
        with manager.lease("third"):
            assert manager.loaded() == [ids["tiny"], ids["third"]]
    with manager.lease("tiny-v"):
        assert manager.loaded() == [ids["third"], ids["tiny-v"]]


def test_what_does_not_fit_at_all_is_used_and_dropped(models: Path) -> None:
    manager = manager_of(models, model_memory_gb=1e-9)
    with manager.lease("tiny") as model:
        assert model.encode("a").chunks.shape[0] == 1
        assert len(manager.loaded()) == 1
    assert manager.loaded() == []


def test_a_lease_ends_when_the_job_fails(models: Path) -> None:
    manager = manager_of(models, model_memory_gb=1e-9)
    with pytest.raises(ZeroDivisionError), manager.lease("tiny"):
        raise ZeroDivisionError
    assert manager.loaded() == []


def test_files_that_changed_on_disk_are_loaded_anew(models: Path) -> None:
    manager = manager_of(models)
    with manager.lease("tiny") as before:
        hash_before = before.environment["checkpoint"]["sha256"]
    file = models / "checkpoints" / "tiny" / "unet" / "diffusion_pytorch_model.safetensors"
    other = models / "checkpoints" / "tiny-v" / "unet" / file.name
    shutil.copy(other, file.parent / "new")
    os.replace(file.parent / "new", file)
    with manager.lease("tiny") as after:
        assert after is not before
        assert after.environment["checkpoint"]["sha256"] != hash_before


def test_an_unknown_checkpoint_is_missing(models: Path) -> None:
    with pytest.raises(UserError) as caught, manager_of(models).lease("nothing"):
        pass
    assert caught.value.code == "MODEL_MISSING"


def test_a_folder_that_was_deleted_is_missing(models: Path) -> None:
    manager = manager_of(models)
    shutil.rmtree(models / "checkpoints" / "tiny")
    with pytest.raises(UserError) as caught, manager.lease("tiny"):
        pass
    assert caught.value.code == "MODEL_MISSING"


@pytest.mark.parametrize("key", ["prediction_type", "beta_schedule"])
def test_a_scheduler_that_we_do_not_know_is_a_type_error(key: str, models: Path) -> None:
    file = models / "checkpoints" / "tiny" / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: "magic"}))
    with pytest.raises(UserError, match="magic") as caught, manager_of(models).lease("tiny"):
        pass
    assert caught.value.code == "MODEL_TYPE"


def test_a_failed_load_leaves_nothing_behind(models: Path) -> None:
    manager = manager_of(models)
    file = models / "checkpoints" / "tiny" / "vae" / "diffusion_pytorch_model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(UserError), manager.lease("tiny"):
        pass
    assert manager.loaded() == []
    file.write_bytes(data)
    with manager.lease("tiny"):
        assert len(manager.loaded()) == 1


def test_one_load_at_a_time_and_one_model_for_two_who_ask(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_of(models)
    at_once, most = [0], [0]
    load = manager_module.load

    def watched(*arguments: object) -> object:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        at_once[0] -= 1
        return load(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(manager_module, "load", watched)
    found: list[object] = []

    def ask(name: str) -> None:
        with manager.lease(name) as model:
            found.append(model)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("tiny", "tiny", "tiny-v")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert len(found) == 3
    assert len(set(map(id, found))) == 2
