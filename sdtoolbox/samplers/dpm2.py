"""DPM2: the midpoint method in log sigma, plain and ancestral; two network calls a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.churn import churned
from sdtoolbox.samplers.steps import ancestral_step, intervals
from sdtoolbox.schema.options import Churn, ChurnFrom, ChurnTo, NoiseScale, Share

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def dpm2(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    s_churn: Churn = 0.0,
    s_tmin: ChurnFrom = 0.0,
    s_tmax: ChurnTo = 1000.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """Takes the slope from half way, in log sigma: second order, as exact as Heun and often calmer.

    Karras et al. (2022), algorithm 2, with the midpoint of DPM-Solver-2 (Lu et al. 2022, algorithm 1) in place of
    the far end. s_churn: see `churn`.
    """
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    for i, sigma, sigma_next in intervals(sigmas):
        x, sigma = churned(x, sigma, len(sigmas) - 1, noise, **churn)
        x, denoised = _midpoint_step(denoise, x, sigma, sigma_next)
        on_step(i, x, denoised)
    return x


def dpm2_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """As DPM2, with fresh noise after each step; eta = 0 is `dpm2`."""
    for i, sigma, sigma_next in intervals(sigmas):
        down, up = ancestral_step(sigma, sigma_next, eta)
        x, denoised = _midpoint_step(denoise, x, sigma, down)
        if up > 0:
            x = x + noise(sigma, sigma_next) * (up * s_noise)
        on_step(i, x, denoised)
    return x


def _midpoint_step(denoise: Denoiser, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    denoised = denoise(x, sigma)
    d = (x - denoised) / sigma
    if sigma_next > 0:
        middle = math.sqrt(sigma * sigma_next)
        x_middle = x + d * (middle - sigma)
        denoised = denoise(x_middle, middle)
        d = (x_middle - denoised) / middle
    return x + d * (sigma_next - sigma), denoised


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(dpm2, label="DPM2", schedule="karras")
    ext.sampler(dpm2_ancestral, label="DPM2 a", schedule="karras")
