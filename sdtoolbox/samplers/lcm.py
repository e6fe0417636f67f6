"""Sampling of consistency models, which jump to the picture in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals

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


def register(ext: Extension) -> None:
    """Add the sampler of this file."""
    ext.sampler(lcm, label="LCM")
