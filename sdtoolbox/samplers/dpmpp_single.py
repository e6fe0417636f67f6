"""DPM-Solver++, single step: a second look within each step, always with fresh noise between the steps.

Lu et al. (2022), "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", algorithm 1, in
lambda = -log sigma. Each look is one first-order step that is exact where the estimate stands still.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import ancestral_step, intervals
from sdtoolbox.schema.options import Limits, NoiseScale, Share

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def dpmpp_2s_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """Two looks a step, fresh noise after each: rich in detail at twice the price; eta = 0 has no noise.

    DPM-Solver++(2S) with r = 1/2: the estimate is taken half way in lambda, and steps are ancestral.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        down, up = ancestral_step(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = math.sqrt(sigma * down)
            denoised = denoise(_towards(denoised, x, sigma, middle), middle)
            x = _towards(denoised, x, sigma, down)
        if up > 0:
            x = x + noise(sigma, sigma_next) * (up * s_noise)
        on_step(i, x, denoised)
    return x


def dpmpp_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
    r: Annotated[float, Limits(0.1, 1)] = 0.5,
) -> Tensor:
    """Two looks a step, with fresh noise for both along one Brownian path: detailed, good with few steps.

    SDE-DPM-Solver++ of Lu et al. (2022), section 4.3, single step: the second look lies at share r of the step in
    lambda, and its estimate is extrapolated with weight 1 / (2 r). eta = 0 has no noise.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            between = sigma * (sigma_next / sigma) ** r
            x_between = _ancestral(denoised, x, sigma, between, noise, eta, s_noise)
            estimate = denoised + (denoise(x_between, between) - denoised) / (2 * r)
            x = _ancestral(estimate, x, sigma, sigma_next, noise, eta, s_noise)
        on_step(i, x, denoised)
    return x


def _towards(estimate: Tensor, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """The exact step where the estimate stands still: the noise shrinks by one factor."""
    return estimate + (x - estimate) * (sigma_next / sigma)


def _ancestral(
    estimate: Tensor, x: Tensor, sigma: float, sigma_next: float, noise: Noise, eta: float, s_noise: float
) -> Tensor:
    down, up = ancestral_step(sigma, sigma_next, eta)
    x = _towards(estimate, x, sigma, down)
    return x + noise(sigma, sigma_next) * (up * s_noise) if up > 0 else x


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(dpmpp_2s_ancestral, label="DPM++ 2S a", schedule="karras")
    ext.sampler(dpmpp_sde, label="DPM++ SDE", schedule="karras")
