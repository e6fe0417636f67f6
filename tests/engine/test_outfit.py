"""A lease with adapters and another VAE: what acts, until when, and what is loaded for it."""

from __future__ import annotations

import copy
import gc
import hashlib
import shutil
import threading
import weakref
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sdtoolbox.engine import manager as manager_module
from sdtoolbox.engine import memory, offload, policy
from sdtoolbox.engine.cache import Bytes, Cache
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.engine.policy import Policy
from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry, Kind
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.settings import Settings
from tests.engine.adapters.miniature import LINEAR, TEXT, kohya, lora

STRONG, WEAK = Adapter(adapter="style", weight=4.0), Adapter(adapter="style", weight=0.5)


class Shelves(Catalog):
    """A catalog with more in it than its folders hold: miniatures are too small to be recognised."""

    def __init__(self, folders: list[Path], more: list[CatalogEntry]) -> None:
        self.more = {entry.id: entry for entry in more}
        super().__init__(folders)

    def find(
        self, name: str | None, kind: Kind = "checkpoint", field: str = "checkpoint", given: Collection[str] = ()
    ) -> CatalogEntry:
        """One of the others by id, else as usual."""
        found = self.more.get(str(name))
        return found if found is not None and found.kind == kind else super().find(name, kind, field, given)

    def ready(self, kind: Kind = "checkpoint") -> list[CatalogEntry]:
        """The others too."""
        return [*(entry for entry in self.more.values() if entry.kind == kind), *super().ready(kind)]


def entry(identity: str, kind: Kind, path: Path, base: str = "sd1") -> CatalogEntry:
    layout = "diffusers" if path.is_dir() else "file"
    return CatalogEntry(id=identity, name=identity, kind=kind, base=base, state="ready", path=path, layout=layout)


@pytest.fixture
def folder(tiny_models: Path, tmp_path: Path) -> Path:
    """The tiny checkpoints, adapters "style", "other", "part" and "whole", a VAE "grey" and an embedding "cosy"."""
    folder = Path(shutil.copytree(tiny_models, tmp_path / "models"))
    tiny = folder / "checkpoints" / "tiny"
    unet = load_file(tiny / "unet" / "diffusion_pytorch_model.safetensors")
    text = load_file(tiny / "text_encoder" / "model.safetensors")
    of_text = next(tensor.shape for name, tensor in text.items() if name.endswith(f"{TEXT}.weight"))
    style = lora(kohya(LINEAR), tuple(unet[f"{LINEAR}.weight"].shape))
    save_file(style | lora(kohya(TEXT, "text_encoder").replace("text_encoder", "te"), tuple(of_text)), folder / "style")
    save_file(lora(kohya(LINEAR), tuple(unet[f"{LINEAR}.weight"].shape), seed=9), folder / "other")
    save_file(style | lora("lora_unet_nowhere", (8, 8)), folder / "part")
    save_file({f"{kohya(LINEAR)}.diff": torch.ones_like(unet[f"{LINEAR}.weight"])}, folder / "whole")
    shutil.copytree(folder / "checkpoints" / "tiny-v" / "vae", folder / "grey")
    save_file({"emb_params": torch.ones(2, 32)}, folder / "cosy")
    return folder


def manager_of(folder: Path, **settings: object) -> ModelManager:
    more = [
        *(entry(name, "lora", folder / name) for name in ("style", "other", "part", "whole")),
        entry("large", "lora", folder / "style", base="sdxl"),
        entry("grey", "vae", folder / "grey"),
        entry("cosy", "embedding", folder / "cosy"),
        entry("cosy-xl", "embedding", folder / "cosy", base="sdxl"),
    ]
    home = folder.parent / "home"
    return ModelManager(Shelves([folder], more), Settings(home=home, device="cpu", threads=1, **settings))  # type: ignore[arg-type]


def drawn(model: LatentDiffusion) -> Tensor:
    """What the networks make of fixed noise and words."""
    return model.predict(model.noise([1], 64, 64).initial(), 1.0, [model.encode("a red house")])[0]


def names(manager: ModelManager) -> dict[str, bool]:
    return {held.name: held.leased for held in manager.loaded()}


def test_adapters_act_during_their_lease_and_weights_are_exact_after_it(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        plain, before = drawn(model), copy.deepcopy(model._unet.state_dict())
    with manager.lease("tiny", [STRONG]) as model:
        assert not torch.allclose(drawn(model), plain, atol=1e-3)
        assert names(manager) == {"tiny": True, "style": True}
    with manager.lease("tiny") as model:
        assert torch.equal(drawn(model), plain)
        assert all(torch.equal(value, before[name]) for name, value in model._unet.state_dict().items())
    assert names(manager) == {"tiny": False, "style": False}


def test_the_next_picture_with_the_same_adapters_loads_and_attaches_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = manager_of(folder)
    loads: list[str] = []
    with manager.lease("tiny", [WEAK], on_loading=lambda: loads.append("first")) as model:
        once = drawn(model)
    monkeypatch.setattr("sdtoolbox.engine.outfit.attach", lambda *_: pytest.fail("they are on already"))
    with manager.lease("tiny", [WEAK], on_loading=lambda: loads.append("second")) as model:
        assert torch.equal(drawn(model), once)
    assert loads == ["first"]


def test_nothing_that_was_read_in_another_outfit_is_used(folder: Path) -> None:
    """A short prompt beside a long one is filled up with the reading of no words, which adapters change too."""
    alone, after = manager_of(folder), manager_of(folder)
    with after.lease("tiny") as model:
        model.encode("a house")
    found = []
    for manager in (alone, after):
        with manager.lease("tiny", [STRONG]) as model:
            conditions = [model.encode("a red house, " * 40), model.encode("snow")]
            found.append(model.predict(model.noise([1], 64, 64).initial(), 1.0, conditions)[1])
    assert torch.equal(*found)


def test_another_weight_is_another_outfit(folder: Path) -> None:
    manager = manager_of(folder)
    found = []
    for adapters in ([WEAK], [STRONG], [WEAK], [WEAK, Adapter(adapter="other")]):
        with manager.lease("tiny", adapters) as model:
            found.append(drawn(model))
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[0], found[3])


def test_the_environment_names_what_was_used_and_nothing_else(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        assert not {"adapters", "vae", "embeddings"} & set(model.environment)
    with manager.lease(
        "tiny", [Adapter(adapter="style", weight=0.8, text_weight=0.2, blocks="mid=0")], "grey"
    ) as model:
        model.encode("a COSY house")
        environment = model.environment
    named = {
        name: {"id": name, "name": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in ("style", "cosy")
    }
    assert environment["adapters"] == [named["style"] | {"weight": 0.8, "text_weight": 0.2, "blocks": "mid=0"}]
    assert (environment["vae"]["id"], environment["vae"]["name"]) == ("grey", "grey")
    assert environment["embeddings"] == [named["cosy"]]


def test_an_adapter_that_fits_in_part_is_warned_about(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", [Adapter(adapter="part")]) as model:
        (warning,) = model.warnings
        assert "part is used in part" in warning
    with manager.lease("tiny") as model:
        assert model.warnings == []


def test_an_adapter_of_another_family_is_refused_before_any_work(folder: Path) -> None:
    manager = manager_of(folder)
    words = r"this is an SDXL LoRA, the model is SD 1\.5"
    with pytest.raises(UserError, match=words) as caught, manager.lease("tiny", [Adapter(adapter="large")]):
        pass
    assert (caught.value.code, caught.value.field) == ("LORA_INCOMPATIBLE", "adapters")
    assert manager.loaded() == []


@pytest.mark.parametrize("adapters", [[Adapter(adapter="nowhere")], [Adapter(adapter="style", blocks="???")]])
def test_a_lease_that_fails_leaves_no_lease_behind(adapters: list[Adapter], folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        plain = drawn(model)
    with pytest.raises(UserError), manager.lease("tiny", adapters):
        pass
    assert not any(names(manager).values())
    with manager.lease("tiny") as model:
        assert torch.equal(drawn(model), plain)


def test_an_adapter_that_changed_on_disk_is_loaded_anew(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", [Adapter(adapter="style", weight=4.0)]) as model:
        before = drawn(model)
    (folder / "other").replace(folder / "style")
    with manager.lease("tiny", [Adapter(adapter="style", weight=4.0)]) as model:
        assert not torch.equal(drawn(model), before)


def test_an_adapter_that_is_unloaded_is_taken_off(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        plain = drawn(model)
    with manager.lease("tiny", [STRONG]) as model:
        manager.unload("style")
        assert not torch.equal(drawn(model), plain), "not while somebody draws with it"
    assert names(manager) == {"tiny": False}
    assert torch.equal(drawn(model), plain)


def test_adapters_go_with_their_checkpoint(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", [STRONG]) as model:
        pass
    manager.unload(model.checkpoint.id)
    assert manager.loaded() == []


@pytest.mark.parametrize("name", ["style", "whole"])  # beside the weights, and in their place
def test_a_failed_picture_changes_no_later_one(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not finite in 16 bits is tried in 32; after that the model is in 16 bits again, every weight its own."""
    monkeypatch.setattr(policy, "SMALL", 1)
    tensors = load_file(folder / name)
    save_file({key: tensor * (1 if key.endswith("alpha") else 1e37) for key, tensor in tensors.items()}, folder / name)
    manager = manager_of(folder, precision="bf16")
    with manager.lease("tiny") as model:
        plain, weights = drawn(model), copy.deepcopy(model._unet.state_dict())
    with (
        pytest.raises(UserError, match="not finite"),
        manager.lease("tiny", [Adapter(adapter=name, weight=10)]) as model,
    ):
        drawn(model)
    with manager.lease("tiny") as model:
        assert torch.equal(drawn(model), plain)
        assert model.environment["precision"] == "bfloat16"
        assert all(torch.equal(value, weights[key]) for key, value in model._unet.state_dict().items())


def test_one_checkpoint_in_two_outfits_is_drawn_with_in_turn(folder: Path) -> None:
    manager = manager_of(folder)
    found: dict[float, Tensor] = {}

    def draw(adapter: Adapter) -> None:
        with manager.lease("tiny", [adapter]) as model:
            found[adapter.weight] = drawn(model)

    with manager.lease("tiny", [WEAK]) as model:
        wanted = drawn(model)
        threads = [threading.Thread(target=draw, args=(adapter,)) for adapter in (STRONG, WEAK)]
        for thread in threads:
            thread.start()
        threads[1].join(10)  # the same outfit need not wait
        assert set(found) == {WEAK.weight}
    threads[0].join(10)
    assert torch.equal(found[WEAK.weight], wanted) and not torch.equal(found[STRONG.weight], wanted)


def test_a_thread_that_would_wait_for_itself_is_told(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", [WEAK]), pytest.raises(RuntimeError, match="this thread"), manager.lease("tiny"):
        pass
    with manager.lease("tiny"):
        assert sum(names(manager).values()) == 1


def test_another_vae_decodes_and_the_network_is_not_loaded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as own:
        latents = own.noise([1], 64, 64).initial()
        picture = own.decode(latents, 64, 64)[0]
    monkeypatch.setattr(manager_module, "load", lambda *_: pytest.fail("it is loaded"))
    with manager.lease("tiny", vae="grey") as other:
        assert other._unet is own._unet
        assert other.decode(latents, 64, 64)[0].tobytes() != picture.tobytes()
        assert names(manager) == {"tiny": True, "grey": True}
    with manager.lease("tiny", vae="grey") as again:
        assert again._vae is other._vae
    with manager.lease("tiny") as model:
        assert model._vae is own._vae
        assert model.decode(latents, 64, 64)[0].tobytes() == picture.tobytes()


def test_a_vae_for_a_checkpoint_without_one_is_laid_out_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "checkpoints" / "tiny" / "vae")
    laid: set[str] = set()
    lay_out = offload.lay_out

    def watched(networks: Mapping[str, nn.Module], policy: Policy, device: Device) -> None:
        laid.update(networks)
        lay_out(networks, policy, device)

    monkeypatch.setattr(offload, "lay_out", watched)
    with manager_of(folder).lease("tiny", vae="grey"):
        assert laid == {"unet", "text_encoder", "vae"}


def test_room_is_made_for_all_that_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_of(folder)
    asked: list[int] = []
    make_room = Cache.make_room

    def watched(cache: Cache, needed: Bytes | None = None) -> bool:
        asked.append((needed or {}).get("cpu", 0))
        return make_room(cache, needed)

    monkeypatch.setattr(Cache, "make_room", watched)
    with manager.lease("tiny", [STRONG], vae="grey"):
        held = {one.name: one.bytes for one in manager.loaded()}
    assert len(asked) == 4 and asked[-1] == 0
    for bytes_asked, name in zip(asked, ("tiny", "grey", "style"), strict=False):
        assert 0.95 * held[name] <= bytes_asked <= 1.05 * held[name]


def test_leases_at_the_same_time_have_their_own_words(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as one:
        one.warnings.append("of the first")
        with manager.lease("tiny") as other:
            other.encode("a cosy house")
            assert "embeddings" in other.environment and other.warnings == []
        assert "embeddings" not in one.environment and one.warnings == ["of the first"]


def test_what_is_dropped_needs_no_garbage_collector(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", [STRONG], vae="grey") as model:
        drawn(model)
        model.preview(torch.zeros(1, 4, 8, 8))
        identity, gone = model.checkpoint.id, weakref.ref(model._unet)
    del model
    gc.collect()
    monkeypatch.setattr(memory, "release", lambda: None)
    gc.disable()
    try:
        manager.unload(identity)
        assert gone() is None
    finally:
        gc.enable()


def test_one_vae_serves_several_checkpoints(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny", vae="grey") as one, manager.lease("tiny-v", vae="grey") as other:
        assert one._vae is other._vae
    manager.unload("grey")
    assert "grey" not in names(manager)


def test_a_checkpoint_without_vae_is_lent_with_another_one(folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints" / "tiny" / "vae")
    manager = manager_of(folder)
    with pytest.raises(UserError), manager.lease("tiny"):
        pass
    with manager.lease("tiny", vae="grey") as model:
        assert model.decode(model.noise([1], 64, 64).initial(), 64, 64)[0].size == (64, 64)
    assert names(manager) == {"tiny": False, "grey": False}


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a cosy house", True),
        ("(Cosy:1.2), red", True),
        ("a cosyness", False),
        ("uncosy", False),
        ("house", False),
    ],
)
def test_embeddings_are_found_by_their_names_as_words(prompt: str, found: bool, folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        plain = model.embeddings(prompt)
        assert list(plain) == (["cosy"] if found else [])
        assert ("embeddings" in model.environment) == found


def test_an_embedding_changes_what_is_read(folder: Path) -> None:
    manager = manager_of(folder)
    with manager.lease("tiny") as model:
        cosy = model.encode("a cosy house").chunks
        model.embeddings = lambda prompt: {}
        assert not torch.allclose(cosy, model.encode("a cosy house").chunks)


def test_an_entry_may_be_replaced_while_it_is_loaded(folder: Path) -> None:
    """The catalog's entries are values: another object for the same file is the same model."""
    manager = manager_of(folder)
    catalog = manager._catalog
    assert isinstance(catalog, Shelves)
    with manager.lease("tiny", [WEAK]) as model:
        once = drawn(model)
    catalog.more["style"] = replace(catalog.more["style"], notes="new")
    with manager.lease("tiny", [WEAK]) as model:
        assert torch.equal(drawn(model), once)
    assert len(manager.loaded()) == 2


@pytest.mark.parametrize("settings", [{"fp8_storage": True}, {"precision": "bf16", "fp8_storage": True}])
def test_adapters_act_on_networks_that_are_stored_in_8_bits(
    settings: dict[str, object], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "SMALL", 1)
    manager = manager_of(folder, **settings)
    with manager.lease("tiny") as model:
        plain = drawn(model)
    with manager.lease("tiny", [STRONG]) as model:
        found = drawn(model)
        assert found.isfinite().all() and not torch.allclose(found, plain, atol=1e-3)
    with manager.lease("tiny") as model:
        assert torch.equal(drawn(model), plain)


def test_adapters_act_on_networks_that_wait_in_main_memory(folder: Path) -> None:
    """From the CPU to the CPU: the hooks of both at once."""
    manager = manager_of(folder)
    with manager.lease("tiny", [STRONG]) as model:
        expected = drawn(model)
    with manager.lease("tiny-v") as other:  # not to be touched
        untouched = drawn(other)
    with manager.lease("tiny") as model:
        offload.lay_out(model._components.networks, Policy(placement="group"), manager._device)
    with manager.lease("tiny", [STRONG]) as model:
        assert torch.equal(drawn(model), expected)
    with manager.lease("tiny-v") as other:
        assert torch.equal(drawn(other), untouched)
