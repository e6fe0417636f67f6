"""A model in closed form and a context that only listens: tasks and samplers run in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sdtoolbox.builtin import BUILTIN_MODULES
from sdtoolbox.changes import Variation
from sdtoolbox.engine.noise import BatchNoise, Moved
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.engine.pixels import mask_cells
from sdtoolbox.errors import Cancelled
from sdtoolbox.extensions import Registries
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.plan import plain
from sdtoolbox.protocols import Mask, Variant

STABLE_DIFFUSION = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def gaussian(x: Any, sigma: float) -> Any:
    """The exact denoiser of data from a standard normal distribution: the posterior mean x / (1 + sigma²)."""
    return x / (1 + sigma**2)


def gaussian_solution(x: Any, sigma: float, sigma_next: float) -> Any:
    """Where the probability flow of `gaussian` leads x from one noise level to another, exactly."""
    return x * ((1 + sigma_next**2) / (1 + sigma**2)) ** 0.5


def builtin_registries() -> Registries:
    """Registries with the built-in samplers, schedules and tasks, without any drop-in extension."""
    import importlib

    from sdtoolbox.extensions import load

    registries = Registries()
    for name in BUILTIN_MODULES:
        report = load(name, lambda name=name: importlib.import_module(name), registries)  # type: ignore[misc]
        assert not report.reason, report.details
    return registries


class GaussianModel:
    """A `protocols.DiffusionModel` whose pictures are Gaussian noise; a condition is a number added to the estimate.

    `predictions` keeps how many conditions each network call had.
    """

    def __init__(self) -> None:
        self.checkpoint = CatalogEntry(
            id="f" * 32, name="gaussian", kind="checkpoint", base="sd1", state="ready", path=Path("gaussian")
        )
        self.noise_table = DiscreteNoiseTable.from_config(STABLE_DIFFUSION)
        self.variant: Variant = ""
        self.warnings: list[str] = []
        self.environment: Mapping[str, Any] = {
            "device": "cpu",
            "checkpoint": {"id": "f" * 32, "name": "gaussian", "sha256": "0" * 64},
        }
        self.predictions: list[int] = []
        self.changes: tuple[Any, ...] = ()

    def encode(self, words: Any, *, negative: bool = False, emphasis: str = "original", clip_skip: int = 1) -> float:
        """The length of the words, in thousands of characters, each as often as it weighs."""
        groups = words if not isinstance(words, str) else plain(words)
        return sum(len(span.text) * span.weight for group in groups for span in group) / 1000

    def predict(self, x: Tensor, sigma: float, conditions: Sequence[float]) -> list[Tensor]:
        """The posterior mean, shifted by each condition."""
        self.predictions.append(len(conditions))
        return [gaussian(x, sigma) + condition for condition in conditions]

    def changed(self, *changes: Any) -> GaussianModel:
        """The same model; `changes` has what was asked of it."""
        other = copy(self)
        other.changes = (*self.changes, *changes)
        return other

    def noise(self, seeds: Sequence[int], width: int, height: int, variation: Variation | None = None) -> BatchNoise:
        """The engine's own noise."""
        shape, moved = (4, -(-height // 8), -(-width // 8)), None
        if variation is not None:
            wide, tall = variation.resized_from or (width, height)
            moved = Moved(variation.seeds, variation.strength, (4, -(-tall // 8), -(-wide // 8)))
        return BatchNoise(seeds, shape, torch.device("cpu"), moved)

    def latents(self, pictures: Sequence[Image.Image]) -> Tensor:
        """The inverse of `decode`, as far as there is one; the fourth channel is the first."""
        small = [one.resize((-(-one.width // 8), -(-one.height // 8)), Image.Resampling.BOX) for one in pictures]
        values = torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in small]) / 255
        return ((values - 0.5) * 6)[:, [0, 1, 2, 0]]

    def mask(self, mask: Mask) -> Tensor:
        """The engine's own."""
        return mask_cells(mask, 8, torch.device("cpu"))

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image.Image]:
        """The first three channels as RGB."""
        pixels = ((latents[:, :3] / 6 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return [Image.fromarray(one.numpy()).resize((width, height), Image.Resampling.NEAREST) for one in pixels]

    def preview(self, latents: Tensor) -> Image.Image:
        """As `decode`, small."""
        return self.decode(latents[:1], 16, 16)[0]


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
