"""A context that only listens: a task runs without a queue, and what it told can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from PIL import Image

from sdtoolbox.builtin import builtin_registries
from sdtoolbox.errors import Cancelled


class FakeContext:
    """A `protocols.TaskContext` that notes all it is told and lends `models` by id.

    Cancels once `cancel_after` network calls were made, if that is not None.
    """

    def __init__(self, models: Mapping[str, Any] | Any, *, cancel_after: int | None = None) -> None:
        self.registries = builtin_registries()
        self.environment: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.stages: list[tuple[str, int, int, float]] = []
        self.steps: list[tuple[float, int | None, int | None]] = []
        self.previews: list[Image.Image] = []
        self.leased: list[str] = []
        self.made: dict[str, Any] = {}
        self._models = models
        self._left = cancel_after

    @contextmanager
    def lease(self, checkpoint: str, adapters: Any = (), vae: str | None = None) -> Iterator[Any]:
        """The model of this id, from a mapping or from a model manager."""
        self.leased.append(checkpoint)
        try:
            if isinstance(self._models, Mapping):
                yield self._models[checkpoint]
            else:
                with self._models.lease(checkpoint, adapters, vae) as model:
                    yield model
        finally:
            self.leased.remove(checkpoint)

    def eraser(self, eraser: str) -> Any:
        """The function of this id, from the mapping."""
        return self._models[eraser]

    @contextmanager
    def restorer(self, restorer: str) -> Iterator[Any]:
        """The restorer of this id, from the mapping."""
        self.leased.append(restorer)
        yield self._models[restorer]
        self.leased.remove(restorer)

    def once(self, key: str, make: Any) -> Any:
        """What was made under this key, or is made now."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def stage(self, stage: str, *, picture: int = 0, pictures_total: int = 1, work: float = 1.0) -> None:
        """Note the stage."""
        self.stages.append((stage, picture, pictures_total, work))

    def step(self, done: float, *, step: int | None = None, steps: int | None = None) -> None:
        """Note the step."""
        self.steps.append((done, step, steps))

    def wants_preview(self) -> bool:
        """Always."""
        return True

    def preview(self, image: Image.Image) -> None:
        """Note the preview."""
        self.previews.append(image)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the calls are used up."""
        if self._left is not None:
            if self._left <= 0:
                raise Cancelled
            self._left -= 1
