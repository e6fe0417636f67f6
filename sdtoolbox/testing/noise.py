"""Noise as a sampler is given it: one path an image, and the same for the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdtoolbox.engine.noise import BatchNoise


def batch_noise(seeds: Sequence[int], shape: tuple[int, int, int] = (4, 8, 8)) -> BatchNoise:
    """The engine's own noise for a batch: one seed an image, `shape` is one image's latent [C, h, w].

    `batch_noise(...).initial()` is unit noise to start from, and calling it is the `noise` of samplers.
    """
    import torch

    from sdtoolbox.engine.noise import BatchNoise

    return BatchNoise(seeds, shape, torch.device("cpu"))
