"""A checkpoint in memory, and the adapters that it wears: they stay on until somebody wants others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from torch import nn

from sdtoolbox.engine.adapters import Attached, LoadedAdapter, attach
from sdtoolbox.engine.cache import Slot
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.identity import Identity
from sdtoolbox.engine.policy import Policy
from sdtoolbox.schema.adapters import Adapter

Worn = Sequence[tuple[Slot, Adapter]]
"""Loaded adapters, in the order in which they were asked for, each with its weights."""


@dataclass(frozen=True, slots=True)
class Adaptation:
    """An adapter, made for the networks of one checkpoint."""

    adapter: LoadedAdapter
    identity: Identity


class Outfit:
    """The networks of one checkpoint. The next picture with the same adapters costs nothing; base weights stay exact.

    `model` draws with the checkpoint's own VAE; it is None where the checkpoint has none.
    """

    def __init__(
        self, components: Components, policy: Policy, identity: Identity, model: LatentDiffusion | None
    ) -> None:
        self.components = components
        self.policy = policy
        self.identity = identity
        self.model = model
        self._models = WeakSet([model] if model is not None else [])  # those with other VAEs too
        self._attached: Attached | None = None
        self._worn: tuple[tuple[Slot, Adapter], ...] = ()
        self._users: list[int] = []  # the threads that draw with it
        self._turn = threading.Condition()

    @contextmanager
    def wearing(self, adapters: Worn) -> Iterator[list[str]]:
        """The adapters are on until the block ends; gives what is to be said about them.

        Waits for whoever draws with others; RuntimeError if that is this very thread.
        """
        wanted, me = tuple(adapters), threading.get_ident()
        with self._turn:
            while self._users and self._worn != wanted:
                if me in self._users:
                    raise RuntimeError("this thread draws with other adapters on the same checkpoint: end that first")
                self._turn.wait()
            if self._worn != wanted:
                self._change(wanted)
            self._users.append(me)
            warnings = list(self._attached.warnings) if self._attached is not None else []
        try:
            yield warnings
        finally:
            with self._turn:
                self._users.remove(me)
                self._turn.notify_all()

    def shed(self, slot: Slot) -> None:
        """Take all adapters off if this one is among them and nobody draws with it."""
        with self._turn:
            if not self._users and any(worn is slot for worn, _ in self._worn):
                self._change(())

    def adopt(self, model: LatentDiffusion) -> LatentDiffusion:
        """Another model over the same networks, with another VAE or for one lease: told when the adapters change."""
        self._models.add(model)
        return model

    def _change(self, wanted: tuple[tuple[Slot, Adapter], ...]) -> None:
        for model in self._models:
            model.forget()
        attached, self._attached, self._worn = self._attached, None, ()
        if attached is not None:
            attached.remove()
        if wanted:
            self._attached = attach(self.components, [(slot.value.adapter, adapter) for slot, adapter in wanted])
            self._worn = wanted


@dataclass(slots=True, eq=False)
class OtherVae:
    """A VAE that decodes in place of a checkpoint's own; the networks of the checkpoint are not loaded again for it."""

    network: nn.Module
    identity: Identity
    _models: WeakKeyDictionary[Outfit, LatentDiffusion] = field(default_factory=WeakKeyDictionary)

    def model(self, outfit: Outfit, make: Callable[[], LatentDiffusion]) -> LatentDiffusion:
        """The model of this checkpoint with this VAE, made once."""
        if outfit not in self._models:
            self._models[outfit] = outfit.adopt(make())
        return self._models[outfit]
