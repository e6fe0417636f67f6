"""A model in closed form: everything that draws runs in milliseconds, without weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sdtoolbox.changes import Variation
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.plan import plain
from sdtoolbox.protocols import Mask, Variant
from sdtoolbox.testing.denoisers import gaussian

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.engine.noise import BatchNoise

STABLE_DIFFUSION = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
"""The noise levels that Stable Diffusion 1 was trained on, as its scheduler's configuration says them."""


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
        import torch

        from sdtoolbox.engine.noise import BatchNoise, Moved

        shape, moved = (4, -(-height // 8), -(-width // 8)), None
        if variation is not None:
            wide, tall = variation.resized_from or (width, height)
            moved = Moved(variation.seeds, variation.strength, (4, -(-tall // 8), -(-wide // 8)))
        return BatchNoise(seeds, shape, torch.device("cpu"), moved)

    def latents(self, pictures: Sequence[Image.Image]) -> Tensor:
        """The inverse of `decode`, as far as there is one; the fourth channel is the first."""
        import torch

        small = [one.resize((-(-one.width // 8), -(-one.height // 8)), Image.Resampling.BOX) for one in pictures]
        values = torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in small]) / 255
        return ((values - 0.5) * 6)[:, [0, 1, 2, 0]]

    def mask(self, mask: Mask) -> Tensor:
        """The engine's own."""
        import torch

        from sdtoolbox.engine.pixels import mask_cells

        return mask_cells(mask, 8, torch.device("cpu"))

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image.Image]:
        """The first three channels as RGB."""
        import torch

        pixels = ((latents[:, :3] / 6 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return [Image.fromarray(one.numpy()).resize((width, height), Image.Resampling.NEAREST) for one in pixels]

    def preview(self, latents: Tensor) -> Image.Image:
        """As `decode`, small."""
        return self.decode(latents[:1], 16, 16)[0]
