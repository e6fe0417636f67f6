"""Linear multistep methods: the slope is extrapolated from those of earlier steps, one network call a step.

All solve dx/dsigma = d with d = (x - denoised) / sigma, the predicted noise; they differ in the variable in which the
remembered slopes are joined by a polynomial: sigma (LMS), the step's number (IPNDM, PLMS), log sigma (DEIS).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension

# Adams and Bashforth (1883) for even steps: the newest slope's weight first.
ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
Order = Annotated[int, Limits(1, 4)]
"""How many slopes are remembered, the newest one included."""
# Gauss and Legendre on [-1, 1] with five nodes: exact for polynomials up to the ninth degree.
NODES = (
    (-0.9061798459386640, 0.2369268850561891),
    (-0.5384693101056831, 0.4786286704993665),
    (0.0, 0.5688888888888889),
    (0.5384693101056831, 0.4786286704993665),
    (0.9061798459386640, 0.2369268850561891),
)


def lms(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, order: Order = 4
) -> Tensor:
    """Extrapolates the last slopes by a polynomial in sigma: quick, and restless where steps differ much in length.

    The linear multistep method that k-diffusion introduced for diffusion: Adams and Bashforth's for uneven steps.
    """

    def weights(levels: Sequence[float], sigma: float, sigma_next: float) -> list[float]:
        return _integrals(levels, sigma, sigma_next)

    return _extrapolate(denoise, x, sigmas, on_step, order, weights)


def deis(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, order: Order = 3
) -> Tensor:
    """Extrapolates the last slopes by a polynomial in log sigma: exact in few steps, calm over all lengths of step.

    Zhang and Chen (2022), "Fast Sampling of Diffusion Models with Exponential Integrator", the method tAB-DEIS with
    log rho as time, in which rho is sigma. The step to sigma = 0 is Euler's.
    """

    def weights(levels: Sequence[float], sigma: float, sigma_next: float) -> list[float]:
        if sigma_next == 0:
            return [*[0.0] * (len(levels) - 1), -sigma]
        # integral of L(log s) ds = integral of L(u) exp(u) du
        return _integrals([math.log(s) for s in levels], math.log(sigma), math.log(sigma_next), math.exp)

    return _extrapolate(denoise, x, sigmas, on_step, order, weights)


def ipndm(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep, order: Order = 4
) -> Tensor:
    """Weighs the last slopes as if all steps had one length: sharp and quick with even schedules.

    Improved pseudo numerical method of Zhang and Chen (2022), appendix: `plms` without its second call at the start.
    """
    return _extrapolate(denoise, x, sigmas, on_step, order, _even)


def plms(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """As IPNDM, with a second look in the first step: the sampler that Stable Diffusion was published with.

    Liu et al. (2022), "Pseudo Numerical Methods for Diffusion Models on Manifolds", the fourth order linear
    multistep method with an improved Euler step to start.
    """
    slopes: list[Tensor] = []
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        slopes = [*slopes, (x - denoised) / sigma][-4:]
        d = slopes[0] if len(slopes) == 1 else _sum(slopes, ADAMS_BASHFORTH[len(slopes) - 1][::-1])
        if i == 0 and sigma_next > 0:
            x_next = x + d * (sigma_next - sigma)
            d = (d + (x_next - denoise(x_next, sigma_next)) / sigma_next) / 2
        x = x + d * (sigma_next - sigma) if sigma_next > 0 else denoised
        on_step(i, x, denoised)
    return x


Weights = Callable[[Sequence[float], float, float], Sequence[float]]
"""weights(levels, sigma, sigma_next): how far each slope, met at `levels` (the newest last), moves x in this step."""


def _extrapolate(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], on_step: OnStep, order: int, weights: Weights
) -> Tensor:
    slopes: list[Tensor] = []
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        slopes = [*slopes, (x - denoised) / sigma][-order:]
        if sigma_next == 0:
            x = denoised  # an extrapolated slope would lead past the estimate, and nothing corrects that any more
        else:
            levels = sigmas[i + 1 - len(slopes) : i + 1]
            x = x + _sum(slopes, weights(levels, sigma, sigma_next))
        on_step(i, x, denoised)
    return x


def _even(levels: Sequence[float], sigma: float, sigma_next: float) -> list[float]:
    return [(sigma_next - sigma) * weight for weight in reversed(ADAMS_BASHFORTH[len(levels) - 1])]


def _sum(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = total + part * weight
    return total


def _integrals(
    knots: Sequence[float], start: float, end: float, density: Callable[[float], float] = lambda s: 1.0
) -> list[float]:
    """The integral from start to end of each Lagrange polynomial over `knots`, times `density`."""
    half, middle = (end - start) / 2, (end + start) / 2
    at = [(middle + half * node, half * weight * density(middle + half * node)) for node, weight in NODES]
    return [
        sum(weight * math.prod((s - other) / (knot - other) for other in knots if other != knot) for s, weight in at)
        for knot in knots
    ]


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(lms, label="LMS", forms=("variance_exploding", "flow"))
    ext.sampler(ipndm, label="IPNDM", forms=("variance_exploding", "flow"))
    ext.sampler(deis, label="DEIS")
    ext.sampler(plms, label="PLMS", schedule="ddim_uniform")
