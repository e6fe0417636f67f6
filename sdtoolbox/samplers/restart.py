"""Restart: noise up and come down again, over the levels where pictures take shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import Limits, NoiseScale

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension

RHO = 7.0  # of the levels on the way down again: Karras et al. (2022), equation 5


def restart(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    restart_times: Annotated[int, Limits(0, 20)] = 1,
    restart_steps: Annotated[int, Limits(1, 100)] = 9,
    restart_low: Annotated[float, Limits(0, 1000)] = 0.1,
    restart_high: Annotated[float, Limits(0, 1000)] = 2.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """Heun's steps; on arriving at a low level goes back up with fresh noise and down again, which mends errors.

    Algorithm 1 of Xu et al. (2023), "Restart Sampling for Improving Generative Processes": from the first level of
    the schedule at or below `restart_low`, `restart_times` times up to `restart_high` and down in `restart_steps`
    steps. The network calls of the restarts come on top of those of the schedule: two a step.
    """
    turned = False
    for i, sigma, sigma_next in intervals(sigmas):
        x, denoised = _heun_step(denoise, x, sigma, sigma_next)
        if not turned and 0 < sigma_next <= restart_low < restart_high:
            turned = True
            for _ in range(restart_times):
                x = x + noise(sigma_next, restart_high) * (s_noise * math.sqrt(restart_high**2 - sigma_next**2))
                for high, low in pairwise(_down(restart_high, sigma_next, restart_steps)):
                    x, denoised = _heun_step(denoise, x, high, low)
                    on_step(i, x, denoised)
        on_step(i, x, denoised)
    return x


def _down(high: float, low: float, steps: int) -> Iterable[float]:
    top, bottom = high ** (1 / RHO), low ** (1 / RHO)
    return (*((top + i / steps * (bottom - top)) ** RHO for i in range(steps)), low)


def _heun_step(denoise: Denoiser, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    denoised = denoise(x, sigma)
    d = (x - denoised) / sigma
    x_euler = x + d * (sigma_next - sigma)
    if sigma_next == 0:
        return x_euler, denoised
    denoised = denoise(x_euler, sigma_next)
    d_next = (x_euler - denoised) / sigma_next
    return x + (d + d_next) / 2 * (sigma_next - sigma), denoised


def register(ext: Extension) -> None:
    """Add the sampler of this file."""
    ext.sampler(restart, label="Restart", schedule="karras")
