"""The one owner of weights: models are borrowed from it, with adapters and a VAE, and kept as long as there is room."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeVar

from torch import nn

from sdtoolbox.engine import memory, offload
from sdtoolbox.engine.adapters import load_adapter
from sdtoolbox.engine.borrowed import Borrowed
from sdtoolbox.engine.cache import Bytes, Cache, Key, Slot, key_of
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device, open_device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.erasing import Eraser, device_of_erasers, load_eraser
from sdtoolbox.engine.identity import Identities, version_of
from sdtoolbox.engine.loading import load, load_vae
from sdtoolbox.engine.outfit import Adaptation, OtherVae, Outfit
from sdtoolbox.engine.policy import WORK, Policy, choose
from sdtoolbox.engine.restore.faces import FaceNetwork, finder_of, load_face_network
from sdtoolbox.engine.restore.network import Network, load_network
from sdtoolbox.engine.restore.upscaler import Upscaler, as_checkpoint, load_upscaler
from sdtoolbox.engine.sizes import checkpoint_bytes, parameters_of, stored_bytes, vae_bytes
from sdtoolbox.engine.words import Shelf, Words
from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.diffusion_upscalers import SCALES as UPSCALERS
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.families import missing_parts
from sdtoolbox.models.fit import misfit
from sdtoolbox.models.held import Held
from sdtoolbox.models.restorer_layouts import FACES
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.settings import Settings

USUAL_SHARE = 0.6
"""Of all main memory that loaded models may take where the settings name no budget."""
FREE_SHARE = 0.8
"""Of the main memory that is free now: pictures need the rest."""
Announce = Callable[[], object]
N = TypeVar("N", Eraser, Network, FaceNetwork, Upscaler)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a lease asks for, found in the catalog and known to go together."""

    checkpoint: CatalogEntry
    vae: CatalogEntry | None
    adapters: tuple[tuple[CatalogEntry, Adapter], ...]


class ModelManager:
    """Keeps what was loaded within the budgets; what is leased is never dropped, the least recently used goes first.

    Files that have changed on disk are loaded anew at the next lease. `on_change` is called after whatever may have
    changed the answer of `loaded`, from the thread that changed it.
    """

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._device = open_device(settings)
        self._cache = Cache(self._budget)
        self._identities = Identities(catalog)
        self._shelf = Shelf(self._identities)
        # One load at a time in a process: diffusers and accelerate patch torch while they construct.
        self._loading = threading.Lock()
        self.on_change: Callable[[], None] = lambda: None

    @property
    def device(self) -> str:
        """The name of the device that draws: cpu, mps, cuda:0."""
        return self._device.name

    def loaded(self) -> list[Held]:
        """The checkpoints, VAEs and adapters in memory, the most recently used last."""
        return self._cache.held()

    def watch_memory(self) -> Callable[[], int]:
        """Begin to measure; the function says how many bytes were in use at most since then, 0 if nobody knows."""
        return memory.Peak(self._device.torch_device).read

    def unload(self, model_id: str) -> None:
        """Drop a model from memory, at the end of its lease if it has one; nothing if it is not there."""
        if self._cache.unload(model_id):
            memory.release()
        self.on_change()

    @contextmanager
    def lease(
        self,
        checkpoint_id: str,
        adapters: Sequence[Adapter] = (),
        vae: str | None = None,
        on_loading: Announce | None = None,
    ) -> Iterator[LatentDiffusion]:
        """The model of this catalog id with this VAE, wearing these adapters, until the block ends.

        `on_loading()` is called before anything is loaded. UserError MODEL_MISSING if something is not there,
        MODEL_CORRUPT, MODEL_UNSAFE or MODEL_TYPE if it cannot be loaded, LORA_INCOMPATIBLE if an adapter does not
        belong to the checkpoint, OUT_OF_MEMORY if it does not fit.
        """
        wanted = self._find(checkpoint_id, adapters, vae)
        announce = cache(on_loading or (lambda: None))  # once a lease, however much is loaded
        with ExitStack() as held:
            held.callback(self._settle)
            # No name here for what is lent: it would keep the weights until after they are to be gone.
            yield self._lent(wanted, held, announce)

    def eraser(self, eraser_id: str, on_loading: Announce | None = None) -> AbstractContextManager[Eraser]:
        """The network of this catalog id that erases, until the block ends; `on_loading` and errors as `lease`."""
        entry = self._catalog.find(eraser_id, "restorer", "network")
        return self._network(entry, device_of_erasers(self._device), load_eraser, on_loading or (lambda: None))

    def restorer(
        self, restorer_id: str, on_loading: Announce | None = None, watch: Announce | None = None
    ) -> AbstractContextManager[Network | FaceNetwork | Upscaler]:
        """The network of this catalog id that cleans or enlarges, until the block ends; the rest as `lease`.

        `watch()` is called before every step of one that draws, and may raise.
        """
        entry = self._catalog.find(restorer_id, "restorer", "stages")
        announce = on_loading or (lambda: None)
        if entry.variant in UPSCALERS:
            return self._upscaler(entry, announce, watch or (lambda: None))
        if entry.variant in FACES:
            return self._face_network(entry, announce)
        architecture = self._catalog.architectures.get(entry, "stages")
        load_it = partial(load_network, architecture=architecture)
        return self._network(entry, self._device, load_it, announce, architecture)

    def _find(self, checkpoint_id: str, adapters: Sequence[Adapter], vae: str | None) -> Wanted:
        """The entries of a lease; LORA_INCOMPATIBLE or MODEL_TYPE before any work if they do not go together."""
        checkpoint = self._catalog.find(checkpoint_id, given=() if vae is None else ("vae",))
        other = None if vae is None else self._catalog.find(vae, "vae", "vae")
        found = tuple((self._catalog.find(one.adapter, "lora", "adapters"), one) for one in adapters)
        if other is not None and (reason := misfit(other, checkpoint)):
            hint = "Choose another VAE, or none."
            raise UserError("MODEL_TYPE", f"{other.name} does not belong to {checkpoint.name}: {reason}.", hint, "vae")
        for entry, _ in found:
            if reason := misfit(entry, checkpoint):
                said = f"{entry.name} cannot be used with {checkpoint.name}: {reason}."
                raise UserError("LORA_INCOMPATIBLE", said, "Choose adapters made for this model's family.", "adapters")
        return Wanted(checkpoint, other, found)

    # Loading; `_loading` is held

    def _checkpoint(self, wanted: Wanted, held: ExitStack, announce: Announce) -> tuple[Slot, Slot | None]:
        """The slots of checkpoint and VAE, loaded if need be."""
        entry, version = wanted.checkpoint, version_of(wanted.checkpoint)
        given: nn.Module | None = None
        slot = self._held(key_of(entry), version)
        if slot is None:
            announce()
            lacks_vae = "vae" in missing_parts(entry)
            borrowed = wanted.vae if lacks_vae else None
            policy = self._prepare(entry, borrowed)
            components = self._loaded(entry, lambda: load(entry, self._device, borrowed, policy))
            if lacks_vae:
                given = components.networks["vae"]
                networks = {part: network for part, network in components.networks.items() if part != "vae"}
                components = replace(components, networks=networks)
            slot = self._cache.put(self._dressed(entry, version, components, policy))
        held.callback(self._cache.give_back, slot)
        if wanted.vae is None:
            return slot, None
        return slot, self._vae(wanted.vae, slot, given, held, announce)

    def _dressed(self, entry: CatalogEntry, version: Hashable, components: Components, policy: Policy) -> Slot:
        offload.lay_out(components.networks, policy, self._device)
        identity = self._identities.of(entry, version)
        model = None
        if "vae" in components.networks:
            model = LatentDiffusion(entry, components, self._device, identity)
        outfit = Outfit(components, policy, identity, model)
        return Slot(entry, version, outfit, lambda: memory.footprint(components.networks.values()))

    def _vae(
        self, entry: CatalogEntry, checkpoint: Slot, given: nn.Module | None, held: ExitStack, announce: Announce
    ) -> Slot:
        policy: Policy = checkpoint.value.policy
        # In another precision it is another VAE: a picture must not depend on what was drawn before it.
        version = version_of(entry), policy.precision, policy.placement
        slot = self._held(key_of(entry), version)
        if slot is None:
            announce()
            network = given if given is not None else self._load_vae(entry, policy)
            offload.lay_out({"vae": network}, policy, self._device)
            identity = self._identities.of(entry, version[0])
            slot = self._cache.put(
                Slot(entry, version, OtherVae(network, identity), lambda: memory.footprint([network]))
            )
        held.callback(self._cache.give_back, slot)
        return slot

    def _load_vae(self, entry: CatalogEntry, policy: Policy) -> nn.Module:
        self._make_room({self._place(policy): vae_bytes(entry, policy)})
        network: nn.Module = self._loaded(entry, lambda: load_vae(entry, self._device, policy))
        return network

    def _adapter(self, entry: CatalogEntry, checkpoint: Slot, held: ExitStack, announce: Announce) -> Slot:
        outfit: Outfit = checkpoint.value
        version = version_of(entry)
        slot = self._held(key_of(entry, checkpoint), version)
        if slot is None:
            announce()
            place = self._place(outfit.policy)
            self._make_room({place: stored_bytes(entry)})
            adapter = self._loaded(entry, lambda: load_adapter(entry, outfit.components))
            value = Adaptation(adapter, self._identities.of(entry, version))
            slot = Slot(entry, version, value, lambda: {place: adapter.bytes}, made_for=checkpoint, on_drop=outfit.shed)
            self._cache.put(slot)
        held.callback(self._cache.give_back, slot)
        return slot

    def _loaded(self, entry: CatalogEntry, work: Callable[[], Any]) -> Any:
        return memory.within_memory(f"{entry.name}", work)

    def _held(self, key: Key, version: Hashable) -> Slot | None:
        """What is in memory, leased once more; another version gives its memory back first."""
        if self._cache.drop_other(key, version):
            memory.release()
        return self._cache.take(key)

    def _prepare(self, entry: CatalogEntry, vae: CatalogEntry | None) -> Policy:
        """How a checkpoint will be held; makes room for it and the `vae` that is loaded with it."""
        parameters = parameters_of(entry)
        policy = choose(self._device.machine(self._settings), parameters, self._settings)
        needed = checkpoint_bytes(entry.base, parameters, policy)
        self._make_room({self._place(policy): needed + (0 if vae is None else vae_bytes(vae, policy))})
        return policy

    def _make_room(self, needed: Bytes | None = None) -> None:
        if self._cache.make_room(needed):
            memory.release()

    def _place(self, policy: Policy) -> str:
        """The kind of memory that weights lie in."""
        return "cpu" if policy.offloads else memory.kind_of(self._device.torch_device)

    # Lending

    @contextmanager
    def _network(
        self,
        entry: CatalogEntry,
        device: Device,
        load_it: Callable[[CatalogEntry, Device, Callable[[], str]], N],
        announce: Announce,
        architecture: Hashable = None,
    ) -> Iterator[N]:
        """A network for pictures, until the block ends; made anew if its architecture is another than it was."""
        with ExitStack() as held:
            held.callback(self._settle)
            with self._loading:
                version = version_of(entry)
                made_of = version if architecture is None else (version, architecture)
                slot = self._held(key_of(entry), made_of)
                if slot is None:
                    announce()
                    if entry.variant not in UPSCALERS:  # for them `_prepare` does it: they may be offloaded
                        self._make_room({memory.kind_of(device.torch_device): stored_bytes(entry)})
                    identity = self._identities.of(entry, version)
                    loaded = self._loaded(entry, lambda: load_it(entry, device, identity))
                    slot = self._cache.put(Slot(entry, made_of, loaded, lambda: memory.footprint([loaded.network])))
                held.callback(self._cache.give_back, slot)
            self.on_change()
            yield slot.value

    @contextmanager
    def _upscaler(self, entry: CatalogEntry, announce: Announce, watch: Announce) -> Iterator[Upscaler]:
        """A network that draws what is larger, until the block ends."""

        def load_it(entry: CatalogEntry, device: Device, identity: Callable[[], str]) -> Upscaler:
            return load_upscaler(entry, device, self._prepare(as_checkpoint(entry), None), identity)

        with self._network(entry, self._device, load_it, announce) as upscaler:
            yield upscaler.watched(watch)

    @contextmanager
    def _face_network(self, entry: CatalogEntry, announce: Announce) -> Iterator[FaceNetwork]:
        """A network that restores faces, until the block ends, with what finds them now: a detector may be new."""
        finder = finder_of(self._catalog.ready("detector"), self._identities)
        with self._network(entry, self._device, load_face_network, announce) as network:
            yield network.looking(finder)

    def _lent(self, wanted: Wanted, held: ExitStack, announce: Announce) -> LatentDiffusion:
        """The model of a lease, which ends with `held`."""
        with self._loading:
            checkpoint, other = self._checkpoint(wanted, held, announce)
            worn = [(self._adapter(one, checkpoint, held, announce), adapter) for one, adapter in wanted.adapters]
        outfit: Outfit = checkpoint.value
        warnings = held.enter_context(outfit.wearing(worn))
        model = outfit.model if other is None else other.value.model(outfit, lambda: self._with_vae(checkpoint, other))
        assert model is not None, "a checkpoint without VAE is lent with another one only"
        words = Words(self._catalog, checkpoint.entry, self._shelf)
        borrowed = Borrowed(
            outfit.policy,
            None if other is None else (other.entry, other.value.identity),
            [(slot.entry, slot.value.identity, adapter) for slot, adapter in worn],
            words,
        )
        self.on_change()
        return outfit.adopt(model.lent(warnings, words, borrowed))

    def _with_vae(self, checkpoint: Slot, other: Slot | None) -> LatentDiffusion:
        assert other is not None
        outfit: Outfit = checkpoint.value
        networks = {**outfit.components.networks, "vae": other.value.network}
        components = replace(outfit.components, networks=networks)
        return LatentDiffusion(checkpoint.entry, components, self._device, outfit.identity)

    def _settle(self) -> None:
        """After a lease: what is too much or unwanted goes."""
        self._make_room()
        self.on_change()

    def _budget(self, held: Bytes) -> Bytes:
        main = memory.main_memory()
        measured = min(USUAL_SHARE * main.total, held.get("cpu", 0) + FREE_SHARE * main.free)
        budget = {"cpu": int(self._settings.model_memory_gb * 2**30 or measured)}
        device = self._device.torch_device
        if device.type == "cuda":
            given = int(self._settings.device_memory_gb * 2**30)
            budget["cuda"] = max(0, (given or memory.total(device)) - WORK)
        return budget
