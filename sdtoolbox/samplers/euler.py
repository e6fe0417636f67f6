"""Euler's method, and its ancestral form that adds fresh noise at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.churn import churned
from sdtoolbox.samplers.steps import ancestral_step, intervals
from sdtoolbox.schema.options import Churn, ChurnFrom, ChurnTo, NoiseScale, Share

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def euler(
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
    """Straight steps along the slope: simple and steady, one network call a step.

    Algorithm 2, first order, of Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative
    Models": dx/dsigma = (x - denoised) / sigma. The same slope leads through flow models, whose
    x = (1 - sigma) x0 + sigma eps; there churn has no meaning. s_churn adds fresh noise: see `churn`.
    """
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    for i, sigma, sigma_next in intervals(sigmas):
        x, sigma = churned(x, sigma, len(sigmas) - 1, noise, **churn)
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        x = x + d * (sigma_next - sigma)
        on_step(i, x, denoised)
    return x


def euler_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """Euler's steps with fresh noise after each: soft and varied, never settles however many steps.

    Goes further down than asked and adds the difference back as noise, eta times the variance of the reverse
    process of DDPM (Ho et al. 2020). eta = 0 is `euler`.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = x + (x - denoised) / sigma * (down - sigma)
        if up > 0:
            x = x + noise(sigma, sigma_next) * (up * s_noise)
        on_step(i, x, denoised)
    return x


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(euler, label="Euler", forms=("variance_exploding", "flow"))
    ext.sampler(euler_ancestral, label="Euler a")
