"""Denoising diffusion implicit models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import ancestral_step, intervals

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def ddim(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, eta: float = 0.0
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


def register(ext: Extension) -> None:
    """Add the sampler of this file."""
    ext.sampler(ddim, label="DDIM")
