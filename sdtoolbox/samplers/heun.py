"""Heun's method: an Euler step, and a second look from where it arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def heun(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """The mean of the slopes at both ends of a step: more exact than Euler for two network calls a step.

    Algorithm 1 of Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative Models":
    second order; the step to sigma = 0 has no slope at its end and stays an Euler step.
    """
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        x_euler = x + d * (sigma_next - sigma)
        if sigma_next == 0:
            x = x_euler
        else:
            denoised = denoise(x_euler, sigma_next)
            d_next = (x_euler - denoised) / sigma_next
            x = x + (d + d_next) / 2 * (sigma_next - sigma)
        on_step(i, x, denoised)
    return x


def register(ext: Extension) -> None:
    """Add the sampler of this file."""
    ext.sampler(heun, label="Heun")
