"""The one owner of weights: models are borrowed from it, and the least recently used are dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sdtoolbox.engine import memory
from sdtoolbox.engine.devices import open_device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.loading import load
from sdtoolbox.models import weights
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.settings import Settings


@dataclass(slots=True)
class _Slot:
    model: LatentDiffusion
    mark: weights.Mark
    leases: int = 0


class ModelManager:
    """Keeps loaded models within `settings.model_memory_gb`; what is leased is never dropped.

    A checkpoint whose files have changed on disk is loaded anew at the next lease.
    """

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._device = open_device(settings)
        self._budget = int(settings.model_memory_gb * 2**30)
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # the most recently used last
        self._lock = threading.Lock()
        # One load at a time in a process: diffusers and accelerate patch torch while they construct.
        self._loading = threading.Lock()

    @property
    def device(self) -> str:
        """The name of the device that draws: cpu, mps, cuda:0."""
        return self._device.name

    def loaded(self) -> list[str]:
        """The ids of the checkpoints in memory, the most recently used last."""
        with self._lock:
            return list(self._slots)

    @contextmanager
    def lease(
        self,
        checkpoint_id: str,
        adapters: Sequence[Adapter] = (),
        vae: str | None = None,
        on_loading: Callable[[], None] | None = None,
    ) -> Iterator[LatentDiffusion]:
        """The model of this catalog id, loaded until the block ends; `on_loading()` is called before a load.

        MODEL_MISSING if it is not there, MODEL_CORRUPT, MODEL_UNSAFE or MODEL_TYPE if it cannot be loaded,
        OUT_OF_MEMORY if it does not fit.
        """
        slot = self._take(self._catalog.find(checkpoint_id), on_loading)
        try:
            yield slot.model
        finally:
            with self._lock:
                slot.leases -= 1
            self._make_room(0)

    def _take(self, checkpoint: CatalogEntry, on_loading: Callable[[], None] | None) -> _Slot:
        with self._loading:
            mark = weights.mark(checkpoint.path)
            if (slot := self._present(checkpoint.id, mark)) is not None:
                return slot
            if on_loading is not None:
                on_loading()
            self._make_room(sum(size for _, size, _ in mark))
            sha256 = self._catalog.sha256(checkpoint)
            model = memory.within_memory(
                f"the checkpoint {checkpoint.name}",
                lambda: LatentDiffusion(checkpoint, load(checkpoint, self._device), self._device, sha256),
            )
            slot = _Slot(model, mark, leases=1)
            with self._lock:
                self._slots[checkpoint.id] = slot
            self._make_room(0)
            return slot

    def _present(self, checkpoint_id: str, mark: weights.Mark) -> _Slot | None:
        with self._lock:
            slot = self._slots.get(checkpoint_id)
            if slot is None:
                return None
            if slot.mark != mark:
                del self._slots[checkpoint_id]  # who still leases the old version keeps it alive
                return None
            slot.leases += 1
            self._slots.move_to_end(checkpoint_id)
            return slot

    def _make_room(self, needed: int) -> None:
        """Drop idle models, the least recently used first, until `needed` more bytes fit into the budget."""
        with self._lock:
            total = needed + sum(slot.model.bytes for slot in self._slots.values())
            dropped = []
            for name, slot in self._slots.items():
                if total <= self._budget:
                    break
                if slot.leases == 0:
                    dropped.append(name)
                    total -= slot.model.bytes
            for name in dropped:
                del self._slots[name]
        if dropped:
            memory.release()
