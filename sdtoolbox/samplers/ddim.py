"""Denoising diffusion implicit models, their ancestor DDPM, and guidance that stays on the data (CFG++)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import ancestral_step, intervals
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension

Eta = Annotated[float, Limits(0, 1, "Eta DDIM")]


def ddim(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, eta: Eta = 0.0
) -> Tensor:
    """The estimate of the picture plus its own noise, at the next level; eta mixes in fresh noise.

    Song et al. (2020), "Denoising Diffusion Implicit Models", equation 12, divided by sqrt(alpha) so that x carries
    noise of std sigma. Without fresh noise (eta = 0) these are Euler's steps, with eta = 1 those of `euler_ancestral`.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        epsilon = (x - denoised) / sigma
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + epsilon * down
        if up > 0:
            x = x + noise(sigma, sigma_next) * up
        on_step(i, x, denoised)
    return x


def ddim_cfgpp(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    unconditional: Denoiser,
    eta: Eta = 0.0,
) -> Tensor:
    """DDIM whose noise is the unguided estimate's: strong guidance without burnt colours, at scales from 0 to 1.

    Chung et al. (2024), "CFG++: Manifold-constrained Classifier Free Guidance for Diffusion Models", algorithm 2: the
    guided estimate, noised again by what the network sees without the prompt.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        epsilon = (x - unconditional(x, sigma)) / sigma
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + epsilon * down if down > 0 else denoised
        if up > 0:
            x = x + noise(sigma, sigma_next) * up
        on_step(i, x, denoised)
    return x


def ddpm(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """The reverse process that diffusion models were defined by: slow, for hundreds of steps, and for learning.

    Ho et al. (2020), "Denoising Diffusion Probabilistic Models", equations 6 and 7, divided by sqrt(alpha): the mean
    and the variance of the next x given x and the estimate.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        kept = (sigma_next / sigma) ** 2
        x = denoised + (x - denoised) * kept
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (sigma_next * math.sqrt(1 - kept))
        on_step(i, x, denoised)
    return x


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(ddim, label="DDIM", schedule="ddim_uniform")
    ext.sampler(ddim_cfgpp, label="DDIM CFG++", schedule="ddim_uniform")
    ext.sampler(ddpm, label="DDPM")
