"""A LaMa of random weights, from a file in the catalog to pixels."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.erasing import device_of_erasers, load_eraser
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.settings import Settings

CPU = Device(torch.device("cpu"), 1, "cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with `lama.safetensors`, 51 M parameters, as its trainer names them."""
    from spandrel.architectures.LaMa import LaMa

    folder = tmp_path_factory.mktemp("erasers") / "upscale_models"
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = LaMa(in_nc=4, out_nc=3)
    stored = {name.replace("model.model.", "generator.model."): tensor for name, tensor in network.state_dict().items()}
    half = {name: one.to(torch.bfloat16) if one.is_floating_point() else one for name, one in stored.items()}
    save_file({**half, "discriminator.model0.0.weight": torch.zeros(1)}, folder / "lama.safetensors")
    return folder.parent


@pytest.fixture(scope="module")
def manager(models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManager:
    settings = Settings(home=tmp_path_factory.mktemp("home"), device="cpu", threads=1)
    return ModelManager(Catalog([models]), settings)


def picture(width: int = 40, height: int = 24) -> tuple[Any, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), dtype=bool)
    mask[5:15, 8:30] = True
    return pixels, mask


@pytest.mark.parametrize(("width", "height"), [(40, 24), (37, 21)])
def test_what_is_masked_is_drawn_as_spandrel_draws_it(
    width: int, height: int, manager: ModelManager, models: Path
) -> None:
    from spandrel import ModelLoader

    pixels, mask = picture(width, height)
    with manager.eraser("lama") as eraser:
        found = eraser(pixels, mask)
    state = load_file(models / "upscale_models" / "lama.safetensors")
    theirs = ModelLoader().load_from_state_dict({k: v for k, v in state.items() if k.startswith("generator.")}).eval()
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        wanted = theirs(image, torch.from_numpy(mask)[None, None].float())[0].permute(1, 2, 0)
    assert found.shape == pixels.shape and found.dtype == np.uint8
    assert np.array_equal(found[~mask], pixels[~mask])
    assert np.abs(found[mask] - wanted.numpy()[mask] * 255).max() <= 0.51
    assert (found[mask] != pixels[mask]).any()


def test_it_is_kept_counted_and_named(manager: ModelManager) -> None:
    loadings: list[int] = []
    manager.unload(manager._catalog.find("lama", "restorer").id)
    for _ in range(2):
        with manager.eraser("lama", on_loading=lambda: loadings.append(1)) as eraser:
            environment = eraser.environment
    assert len(loadings) == 1
    (held,) = [one for one in manager.loaded() if one.name == "lama"]
    assert 4 * 50_000_000 < held.bytes < 4 * 52_000_000
    assert not held.leased
    (network,) = environment["networks"]
    assert (network["name"], len(network["sha256"])) == ("lama", 64)
    assert (environment["device"], environment["precision"]) == ("cpu", "float32")


def test_nothing_masked_is_the_picture_itself(manager: ModelManager) -> None:
    pixels, mask = picture()
    with manager.eraser("lama") as eraser:
        assert np.array_equal(eraser(pixels, np.zeros_like(mask)), pixels)


def test_damage_is_told_in_words(manager: ModelManager, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, mask = picture()
    with manager.eraser("lama") as eraser:
        pass
    monkeypatch.setattr(eraser.network, "forward", lambda image, hole: image * float("nan"))
    with pytest.raises(UserError, match="the eraser lama answered with numbers that are not finite") as caught:
        eraser(pixels, mask)
    assert (caught.value.code, "sampler" in caught.value.hint) == ("NUMERIC", False)

    def too_much(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes.")

    monkeypatch.setattr(eraser.network, "forward", too_much)
    with pytest.raises(UserError, match="the eraser lama on 1x3x24x40") as caught:
        eraser(pixels, mask)
    assert caught.value.code == "OUT_OF_MEMORY"


def test_a_network_that_was_made_for_something_else_is_refused(manager: ModelManager) -> None:
    entry = replace(manager._catalog.find("lama", "restorer"), variant="esrgan")
    with pytest.raises(UserError, match="cannot erase") as caught:
        load_eraser(entry, CPU, str)
    assert (caught.value.code, caught.value.field) == ("MODEL_TYPE", "network")


def test_a_file_that_lacks_weights_is_damaged(manager: ModelManager, tmp_path: Path) -> None:
    entry = manager._catalog.find("lama", "restorer")
    whole = load_file(entry.path)
    save_file({name: whole[name] for name in whole if ".model.2" not in name}, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match="the network of cut") as caught:
        load_eraser(replace(entry, path=tmp_path / "cut.safetensors"), CPU, str)
    assert caught.value.code == "MODEL_CORRUPT"


def test_without_spandrel_it_says_so(manager: ModelManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(UserError, match="need the package spandrel"):
        load_eraser(manager._catalog.find("lama", "restorer"), CPU, str)


def test_apples_devices_leave_it_to_the_cpu() -> None:
    places = {kind: device_of_erasers(Device(torch.device(kind), 1, kind)).name for kind in ("cpu", "mps", "cuda:0")}
    assert places == {"cpu": "cpu", "mps": "cpu", "cuda:0": "cuda:0"}
