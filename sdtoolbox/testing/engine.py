"""An engine whose every checkpoint is the model in closed form; everything else in a worker is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.held import Held
from sdtoolbox.testing.model import GaussianModel

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sdtoolbox.protocols import Restorer
    from sdtoolbox.workers.parts import LoadedEraser, Parts

NAME = f"{__name__}:make"


class GaussianModels:
    """Owner of no weights: see `workers.parts.Models`."""

    device = "cpu"

    def __init__(self, parts: Parts) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._catalog = parts.catalog

    @contextmanager
    def lease(
        self, checkpoint_id: str, adapters: Any = (), vae: str | None = None, on_loading: Any = None
    ) -> Iterator[GaussianModel]:
        """A new model each time; adapters and another VAE change nothing."""
        model = GaussianModel()
        name = self._catalog.look_up(checkpoint_id).name
        model.checkpoint = replace(model.checkpoint, id=checkpoint_id, name=name, path=Path(name))
        yield model

    def eraser(self, eraser_id: str, on_loading: Any = None) -> AbstractContextManager[LoadedEraser]:
        """There is none."""
        raise _none("erases")

    def restorer(self, restorer_id: str, on_loading: Any = None, watch: Any = None) -> AbstractContextManager[Restorer]:
        """There is none; registered functions restore without an engine."""
        raise _none("restores")

    def loaded(self) -> list[Held]:
        """Nothing."""
        return []

    def watch_memory(self) -> Callable[[], int]:
        """Nobody knows."""
        return lambda: 0

    def unload(self, model_id: str) -> None:
        """Nothing is loaded."""


def make(parts: Parts) -> GaussianModels:
    """The engine of a worker: see `workers.parts.load_engine`."""
    return GaussianModels(parts)


def _none(what: str) -> UserError:
    return UserError("MODEL_MISSING", f"the engine for tests has no network that {what}.", "Use a registered function.")
