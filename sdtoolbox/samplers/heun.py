"""Heun's method: an Euler step, and a second look from where it arrived; with a longer-sighted variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.churn import churned
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import Churn, ChurnFrom, ChurnTo, NoiseScale

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def heun(
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
    """The mean of the slopes at both ends of a step: more exact than Euler for two network calls a step.

    Algorithm 2 of Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative Models":
    second order; the step to sigma = 0 has no slope at its end and stays an Euler step. s_churn: see `churn`.
    """
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    for i, sigma, sigma_next in intervals(sigmas):
        x, sigma = churned(x, sigma, len(sigmas) - 1, noise, **churn)
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


def heunpp2(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """Looks up to two steps ahead and trusts the far looks little: three network calls a step, smooth pictures.

    HeunPP2 (Hu and Li, 2023): slopes at this level, the next and the one after, weighted 1 - b - c, b and c with
    b = next / 3 first and c = after / 3 first, where first is sigmas[0]. The weights vanish with the noise, so the
    late steps are Euler's; of first order.
    """
    first = sigmas[0]
    for i, sigma, sigma_next in intervals(sigmas):
        after = sigmas[i + 2] if i + 2 < len(sigmas) else 0.0
        denoised = denoise(x, sigma)
        d = slope = (x - denoised) / sigma
        if sigma_next > 0:
            looks = 3 if after > 0 else 2
            x_next = x + d * (sigma_next - sigma)
            d_next = (x_next - denoise(x_next, sigma_next)) / sigma_next
            b = sigma_next / (looks * first)
            slope = d + (d_next - d) * b
            if after > 0:
                x_after = x_next + d_next * (after - sigma_next)
                d_after = (x_after - denoise(x_after, after)) / after
                slope = slope + (d_after - d) * (after / (looks * first))
        x = x + slope * (sigma_next - sigma)
        on_step(i, x, denoised)
    return x


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(heun, label="Heun", forms=("variance_exploding", "flow"))
    ext.sampler(heunpp2, label="HeunPP2", forms=("variance_exploding", "flow"))
