"""What web process, command line and workers all stand on, put together in one place; without torch."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sdtoolbox.builtin import load_all
from sdtoolbox.database import Database
from sdtoolbox.extensions import Registries
from sdtoolbox.extensions.loading import Report
from sdtoolbox.extensions.states import States
from sdtoolbox.images.store import ImageStore
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.models.added import AddedArchitectures
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.held import Held
from sdtoolbox.protocols import DiffusionModel, Restorer
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENGINE = "sdtoolbox.engine.manager:ModelManager"


@dataclass(frozen=True, slots=True)
class Parts:
    """Settings, what is registered, what models there are, and the queue with its pictures."""

    settings: Settings
    registries: Registries
    reports: list[Report]
    catalog: Catalog
    database: Database
    queue: Queue
    store: ImageStore
    _generation: list[int]

    @classmethod
    def open(cls, settings: Settings) -> Parts:
        """Make the folders, load the extensions, open the database; UserError if that cannot be."""
        settings.make_folders()
        generation = States.read(settings.extension_states).generation
        registries, reports = load_all(settings)
        database = Database(settings.database)
        # Without extensions nothing is known of what they know: it stays as it was.
        added = AddedArchitectures(None if settings.safe_mode else lambda: registries.architectures)
        catalog = Catalog(settings.all_model_folders, database, at_once=(settings.shipped_models,), architectures=added)
        store = ImageStore(settings.outputs, database)
        return cls(settings, registries, reports, catalog, database, Queue(database, settings), store, [generation])

    @property
    def outdated(self) -> bool:
        """Whether extensions were switched on or off, or are to be read anew, since they were loaded here."""
        return States.read(self.settings.extension_states).generation != self._generation[0]

    def reload(self) -> None:
        """Load the extensions anew, for everybody who holds these registries and reports."""
        generation = States.read(self.settings.extension_states).generation
        registries, reports = load_all(self.settings, again=True)
        self.registries.become(registries)
        self.reports[:] = reports
        self.catalog.reconsider()
        self._generation[:] = [generation]


class LoadedEraser(Protocol):
    """A `protocols.Eraser` that says what decides about its pixels."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """As `DiffusionModel.environment`, with the network among "networks"."""
        ...

    def __call__(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]: ...


class Models(Protocol):
    """The owner of the weights, as the engine provides it; calls `on_change` when `loaded` may have changed."""

    on_change: Callable[[], None]

    def lease(
        self, checkpoint_id: str, adapters: Sequence[Adapter] = (), vae: str | None = None, on_loading: Any = None
    ) -> AbstractContextManager[DiffusionModel]:
        """The loaded model, kept until the block ends; `on_loading()` is called if it has to be loaded first."""
        ...

    def eraser(self, eraser_id: str, on_loading: Any = None) -> AbstractContextManager[LoadedEraser]:
        """The loaded network that erases, as `lease` gives a model."""
        ...

    def restorer(self, restorer_id: str, on_loading: Any = None, watch: Any = None) -> AbstractContextManager[Restorer]:
        """The loaded network that cleans or enlarges, as `lease` gives a model; `watch()` may stop one that draws."""
        ...

    def loaded(self) -> Sequence[Held]:
        """What is in memory."""
        ...

    def watch_memory(self) -> Callable[[], int]:
        """Begin to measure; the function says how many bytes were in use at most since then, 0 if nobody knows."""
        ...

    def unload(self, model_id: str) -> None:
        """Drop a model from memory, at the end of its lease if it has one; nothing if it is not there."""
        ...


def load_engine(parts: Parts) -> Models:
    """Import the engine by its name, and torch with it, and make the owner of the weights.

    `SDTOOLBOX_TEST_ENGINE=module:function` puts `function(parts)` in its place: a seam for tests, so that a worker
    process can be killed at every point without torch and within milliseconds. The function may register tasks
    of its own in `parts.registries`.
    """
    seam = os.environ.get("SDTOOLBOX_TEST_ENGINE")
    module, name = (seam or ENGINE).split(":")
    make = getattr(importlib.import_module(module), name)
    models: Models = make(parts) if seam else make(parts.catalog, parts.settings)
    return models


def device_of(models: Models, settings: Settings) -> str:
    """The name of the device an engine works on, as shown in lists and kept with timings."""
    return str(getattr(models, "device", settings.device))
