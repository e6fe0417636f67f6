"""Sampling of consistency models, which jump to the picture in one call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, NoiseTable, OnStep
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def lcm(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """Takes the estimate for the picture and adds fresh noise for the next look: for LCM models, 4 to 8 steps.

    Algorithm 1 of Song et al. (2023), "Consistency Models", as used by Luo et al. (2023), "Latent Consistency
    Models". On a model that was not distilled for it the pictures come out soft.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        x = denoised
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * sigma_next
        on_step(i, x, denoised)
    return x


def tcd(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    noise_table: NoiseTable,
    gamma: Annotated[float, Limits(0, 1)] = 0.3,
) -> Tensor:
    """Comes down past the next level and adds the rest as fresh noise: for TCD models, clear at any number of steps.

    Strategic stochastic sampling, algorithm 4 of Zheng et al. (2024), "Trajectory Consistency Distillation": down to
    training time (1 - gamma) t of the next level's t, a whole number. gamma = 0 adds no noise, 1 comes down all the
    way as `lcm` does.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        epsilon = (x - denoised) / sigma
        if sigma_next == 0:
            x = denoised
        else:
            down = _past(sigma_next, gamma, noise_table)
            x = denoised + epsilon * down
            if gamma > 0:
                x = x + noise(sigma, sigma_next) * math.sqrt(sigma_next**2 - down**2)
        on_step(i, x, denoised)
    return x


def _past(sigma: float, gamma: float, table: NoiseTable) -> float:
    if gamma in (0, 1):  # exact at both ends: the table begins a little above 0
        return sigma * (1 - gamma)
    return min(table.sigma(math.floor((1 - gamma) * table.t(sigma) + 1e-6)), sigma)


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(lcm, label="LCM")
    ext.sampler(tcd, label="TCD")
