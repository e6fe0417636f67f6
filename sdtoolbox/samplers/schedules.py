"""Schedules: how the noise levels are spread over the steps.

Each gives steps + 1 floats that fall from the noise table's largest sigma and end in 0. Spread evenly over the
training time t, over log sigma, or otherwise; they differ in where the network looks most often.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdtoolbox.protocols import NoiseTable

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def uniform(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over the training time, from its last moment to its first: what most samplers were published with."""
    last = len(table.sigmas) - 1
    return [*(table.sigma(last * (1 - part)) for part in _parts(steps)), 0.0]


def sgm_uniform(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over the training time without its first moment: looks a little more often at much noise.

    The spacing of Stability AI's "generative models" code, which diffusers calls trailing.
    """
    last = len(table.sigmas) - 1
    return [*(table.sigma(last * (1 - i / steps)) for i in range(steps)), 0.0]


def karras(steps: int, table: NoiseTable) -> list[float]:
    """Close together where there is little noise: fine detail in few steps.

    Equation 5 of Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative Models", with
    rho = 7: evenly over sigma^(1/rho).
    """
    rho = 7.0
    high, low = table.sigma_max ** (1 / rho), table.sigma_min ** (1 / rho)
    return [*((high + part * (low - high)) ** rho for part in _parts(steps)), 0.0]


def exponential(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over log sigma: each step lowers the noise by the same factor."""
    ratio = table.sigma_min / table.sigma_max
    return [*(table.sigma_max * ratio**part for part in _parts(steps)), 0.0]


def beta(steps: int, table: NoiseTable) -> list[float]:
    """Close together at both ends, for composition and for detail.

    Lee et al. (2024), "Beta Sampling is All You Need": training times at evenly spread quantiles of the symmetric
    beta distribution with alpha = beta = 0.6.
    """
    last = len(table.sigmas) - 1
    return [*(table.sigma(last * _beta_quantile(1 - i / steps)) for i in range(steps)), 0.0]


def _parts(steps: int) -> Iterable[float]:
    """0 to 1 in `steps` even parts, both ends included; only 0 for a single step."""
    return (i / max(steps - 1, 1) for i in range(steps))


def _beta_quantile(probability: float, shape: float = 0.6) -> float:
    """Where the symmetric beta distribution has gathered `probability`, by bisection; in [0, 1].

    The lower half of the integral of (x (1 - x))^(shape - 1) is the power series of x^shape 2F1(shape, 1 - shape;
    shape + 1; x) / shape, which converges quickly for x <= 1/2; the upper half is its mirror image.
    """
    if probability > 0.5:
        return 1 - _beta_quantile(1 - probability, shape)

    def gathered(x: float) -> float:
        term, total = 1.0, 1 / shape
        for n in range(1, 60):
            term *= x * (n - shape) / n
            total += term / (n + shape)
        return float(x**shape * total)

    half = gathered(0.5)
    low, high = 0.0, 0.5
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if gathered(middle) / (2 * half) < probability else (low, middle)
    return (low + high) / 2


def register(ext: Extension) -> None:
    """Add the schedules of this file."""
    ext.schedule(uniform, label="Uniform")
    ext.schedule(karras, label="Karras")
    ext.schedule(exponential, label="Exponential")
    ext.schedule(sgm_uniform, label="SGM Uniform")
    ext.schedule(beta, label="Beta")
