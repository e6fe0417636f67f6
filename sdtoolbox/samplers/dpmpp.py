"""DPM-Solver++: multistep methods in lambda = -log sigma, where the linear part of the equation is solved exactly.

Lu et al. (2022), "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", in the form in
which x carries noise of std sigma (alpha = 1). h is the step in lambda, r the last step's length over this one's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import NoiseScale, Share

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


def dpmpp_2m(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """Second order from one network call a step, by remembering the last one: good pictures in 15 to 25 steps.

    Algorithm 2 of Lu et al. (2022). The first step has no memory and is of first order; so is the last, to
    sigma = 0, where h is infinite and the result is the estimate itself.
    """
    last, h_last = None, 0.0
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = math.log(sigma / sigma_next)
            towards = denoised
            if last is not None:
                r = h_last / h
                towards = denoised + (denoised - last) / (2 * r)
            x = x * (sigma_next / sigma) - towards * math.expm1(-h)
            last, h_last = denoised, h
        on_step(i, x, denoised)
    return x


def dpmpp_2m_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
    solver_type: Literal["midpoint", "heun"] = "midpoint",
) -> Tensor:
    """As DPM++ 2M, with fresh noise at every step: more detail, and never quite settled.

    SDE-DPM-Solver++(2M) of Lu et al. (2022), section 4.3. eta is the share of the reverse diffusion's noise: 1 is the
    paper's, 0 has none and is `dpmpp_2m`. The change of the estimate acts as in the middle of the step ("midpoint"),
    or is integrated over it ("heun").
    """
    last, h_last = None, 0.0
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = math.log(sigma / sigma_next)
            weight = -math.expm1(-(1 + eta) * h)
            x = x * (sigma_next / sigma * math.exp(-eta * h)) + denoised * weight
            if last is not None:
                slope = weight / 2 if solver_type == "midpoint" else 1 - weight / ((1 + eta) * h)
                x = x + (denoised - last) * (slope * h / h_last)
            if eta > 0:
                x = x + noise(sigma, sigma_next) * (sigma_next * s_noise * math.sqrt(-math.expm1(-2 * eta * h)))
            last, h_last = denoised, h
        on_step(i, x, denoised)
    return x


def dpmpp_3m_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    eta: Share = 1.0,
    s_noise: NoiseScale = 1.0,
) -> Tensor:
    """As DPM++ 2M SDE with one more step remembered: for many steps, where it is the finest.

    DPM-Solver++(3M) of Lu et al. (2022), appendix B, with the exponential integrals at -(1 + eta) h; eta = 0 is that
    method itself. Its published weight of the second difference is half of what third order would need.
    """
    looks: list[tuple[Tensor, float]] = []  # (estimate, step in lambda that followed it), the newest last
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = math.log(sigma / sigma_next)
            x = _sde_step(x, denoised, looks, h, eta)
            if eta > 0:
                x = x + noise(sigma, sigma_next) * (sigma_next * s_noise * math.sqrt(-math.expm1(-2 * eta * h)))
            looks = [*looks, (denoised, h)][-2:]
        on_step(i, x, denoised)
    return x


def _sde_step(x: Tensor, denoised: Tensor, looks: Sequence[tuple[Tensor, float]], h: float, eta: float) -> Tensor:
    """Without its noise, the step of length h from the newest estimate and up to two earlier ones."""
    z = (1 + eta) * h
    x = x * math.exp(-z) - denoised * math.expm1(-z)
    if not looks:
        return x
    phi_2 = math.expm1(-z) / z + 1
    last, h_last = looks[-1]
    r_last = h_last / h
    slope = (denoised - last) / r_last
    if len(looks) == 1:
        return x + slope * phi_2
    before, h_before = looks[0]
    r_before, phi_3 = h_before / h, phi_2 / z - 0.5
    slope_before = (last - before) / r_before
    curve = (slope - slope_before) / (r_last + r_before)
    return x + (slope + curve * r_last) * phi_2 - curve * phi_3


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(dpmpp_2m, label="DPM++ 2M", schedule="karras")
    ext.sampler(dpmpp_2m_sde, label="DPM++ 2M SDE", schedule="exponential")
    ext.sampler(dpmpp_3m_sde, label="DPM++ 3M SDE", schedule="exponential")
