from __future__ import annotations

import gc
import json
import os
import shutil
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from sdtoolbox.engine import manager as manager_module
from sdtoolbox.engine import memory, policy
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.engine.policy import Policy
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


def ids(manager: ModelManager) -> list[str]:
    """What is in memory, the most recently used last."""
    return [held.model_id for held in manager.loaded()]


def test_a_model_is_loaded_once_and_kept(models: Path) -> None:
    manager = manager_of(models)
    loads: list[str] = []
    with manager.lease("tiny", on_loading=lambda: loads.append("tiny")) as first:
        pass
    with manager.lease("tiny", on_loading=lambda: loads.append("tiny")) as second:
        assert first._unet is second._unet
    assert loads == ["tiny"]
    assert ids(manager) == [first.checkpoint.id]
    assert manager.device == "cpu"


def test_the_least_recently_used_goes_first_and_a_leased_one_never(models: Path) -> None:
    shutil.copytree(models / "checkpoints" / "tiny", models / "checkpoints" / "third")
    (models / "checkpoints" / "third" / "sdtoolbox.json").unlink()
    by_name = {c.name: c.id for c in Catalog([models])}
    manager = manager_of(models, model_memory_gb=3e6 / 2**30)  # room for two of 1.2 MB
    with manager.lease("tiny"):
        with manager.lease("tiny-v"):
            pass
        with manager.lease("third"):
            assert ids(manager) == [by_name["tiny"], by_name["third"]]
    with manager.lease("tiny-v"):
        assert ids(manager) == [by_name["third"], by_name["tiny-v"]]


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
        assert after._unet is not before._unet
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
            found.append(model._unet)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("tiny", "tiny", "tiny-v")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert len(found) == 3
    assert len(set(map(id, found))) == 2


def test_an_apple_device_has_the_budget_of_main_memory(models: Path) -> None:
    manager = manager_of(models, model_memory_gb=2)
    manager._device = Device(torch.device("mps"), 1, "mps")
    assert manager._place(Policy()) == "cpu"
    assert manager._budget({}) == {"cpu": 2 * 2**30}


def test_what_is_held_is_shown_with_its_bytes_and_who_uses_it(models: Path) -> None:
    manager = manager_of(models)
    changes: list[list[tuple[str, bool]]] = []
    manager.on_change = lambda: changes.append([(held.name, held.leased) for held in manager.loaded()])
    with manager.lease("tiny") as model:
        (held,) = manager.loaded()
        assert (held.model_id, held.name, held.leased) == (model.checkpoint.id, "tiny", True)
        networks = model._components.networks.values()
        tensors = {id(one): one for network in networks for one in (*network.parameters(), *network.buffers())}
        assert held.bytes == sum(one.numel() * one.element_size() for one in tensors.values())
    assert changes == [[("tiny", True)], [("tiny", False)]]


def test_unloading_drops_at_once_or_when_the_lease_ends(models: Path) -> None:
    manager = manager_of(models)
    with manager.lease("tiny") as model:
        manager.unload(model.checkpoint.id)
        assert ids(manager) == [model.checkpoint.id]
        assert model.encode("a").chunks.isfinite().all()
    assert ids(manager) == []
    with manager.lease("tiny") as again:
        assert again._unet is not model._unet
    manager.unload(again.checkpoint.id)
    manager.unload("nothing of this name")
    assert ids(manager) == []


def test_memory_is_given_back_when_a_lease_of_what_was_unloaded_ends(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = manager_of(models)
    lease = manager.lease("tiny")
    model = lease.__enter__()
    network = weakref.ref(model._unet)
    freed: list[bool] = []
    monkeypatch.setattr(memory, "release", lambda: freed.append(gc.collect() >= 0 and network() is None))
    manager.unload(model.checkpoint.id)
    del model
    assert freed == []
    lease.__exit__(None, None, None)
    assert freed == [True]


def test_memory_is_given_back_before_a_changed_model_is_loaded_anew(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = manager_of(models)
    with manager.lease("tiny") as model:
        network = weakref.ref(model._unet)
    del model
    happened: list[object] = []
    load = manager_module.load
    monkeypatch.setattr(memory, "release", lambda: happened.append(network()))
    monkeypatch.setattr(manager_module, "load", lambda *arguments: happened.append("load") or load(*arguments))
    file = models / "checkpoints" / "tiny" / "unet" / "diffusion_pytorch_model.safetensors"
    os.utime(file, (2e9, 2e9))
    with manager.lease("tiny"):
        assert happened == [None, "load"]


def test_a_model_that_is_dropped_is_freed(models: Path) -> None:
    manager = manager_of(models)
    with manager.lease("tiny") as model:
        gone = weakref.ref(model._unet)
    identity = model.checkpoint.id
    del model
    manager.unload(identity)
    assert gone() is None


def test_two_hundred_switches_load_nothing_again_and_leave_memory_flat(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the budget each switch loads, and frees what it loaded before."""
    loads: list[str] = []
    real = manager_module.load

    def counted(entry: Any, *rest: Any) -> Any:
        loads.append(entry.name)
        return real(entry, *rest)

    monkeypatch.setattr(manager_module, "load", counted)
    roomy, tight = manager_of(models), manager_of(models, model_memory_gb=2e6 / 2**30)  # both, or one of 1.2 MB
    for manager, switches in ((roomy, 200), (tight, 10)):
        for name in ("tiny", "tiny-v") * 3:
            with manager.lease(name) as model:
                model.encode("a red house")
        gc.collect()
        objects, resident = len(gc.get_objects()), resident_bytes()
        loads.clear()
        for k in range(switches):
            with manager.lease(("tiny", "tiny-v")[k % 2]) as model:
                assert model.checkpoint.name == ("tiny", "tiny-v")[k % 2]
        del model
        gc.collect()
        assert len(gc.get_objects()) - objects < 500
        assert resident_bytes() - resident < 64e6
        assert len(loads) == (0 if manager is roomy else switches)


def resident_bytes() -> int:
    """Of this process, as Linux counts it; 0 elsewhere."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def test_the_policy_is_chosen_shown_and_wished(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with manager_of(models).lease("tiny") as model:
        assert model.environment["policy"] == "all weights on the device, float32, sdpa attention"
    monkeypatch.setattr(policy, "SMALL", 1)
    with manager_of(models, precision="bf16", fp8_storage=True).lease("tiny") as model:
        assert model.environment["policy"].startswith("all weights on the device, bfloat16, stored as float8_e4m3fn")
        assert model.environment["attention"] == "chunked"
        assert model.environment["precision"] == "bfloat16"
        x = model.noise([1], 64, 64).initial()
        assert model.predict(x, 1.0, [model.encode("a")])[0].isfinite().all()


def test_a_hash_is_waited_for_by_who_reads_it_only(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    catalog = Catalog([models])
    compute = catalog.sha256
    monkeypatch.setattr(catalog, "sha256", lambda entry: go.wait(10) and compute(entry))
    manager = ModelManager(catalog, Settings(home=models.parent / "home", device="cpu", threads=1))
    with manager.lease("tiny") as model:
        assert model.encode("a").chunks.isfinite().all()
        go.set()
        assert model.environment["checkpoint"]["sha256"] == compute(model.checkpoint)


def test_a_picture_is_not_lost_when_its_checkpoint_is_deleted_meanwhile(models: Path) -> None:
    manager = manager_of(models)
    with manager.lease("tiny") as model:
        assert len(model.environment["checkpoint"]["sha256"]) == 64
    with manager.lease("tiny-v") as model:
        shutil.rmtree(models / "checkpoints" / "tiny-v")
        assert model.environment["checkpoint"]["sha256"] in ("", model.environment["checkpoint"]["sha256"])
