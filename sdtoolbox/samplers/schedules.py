"""Schedules: how the noise levels are spread over the steps.

Each gives steps + 1 floats that fall from the noise table's largest sigma and end in 0. Spread evenly over the
training time t, over log sigma, or otherwise; they differ in where the network looks most often.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import NoiseTable
from sdtoolbox.schema.options import Limits

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


Rho = Annotated[float, Limits(0.1, 50, "Schedule rho")]
LowestSigma = Annotated[float, Limits(0, 100, "Schedule min sigma")]
HighestSigma = Annotated[float, Limits(0, 10_000, "Schedule max sigma")]
"""Where the levels begin and end; 0 takes the model's own."""
BetaAlpha = Annotated[float, Limits(0.05, 10, "Beta schedule alpha")]
BetaBeta = Annotated[float, Limits(0.05, 10, "Beta schedule beta")]


def karras(
    steps: int, table: NoiseTable, rho: Rho = 7.0, sigma_min: LowestSigma = 0.0, sigma_max: HighestSigma = 0.0
) -> list[float]:
    """Close together where there is little noise: fine detail in few steps.

    Equation 5 of Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative Models", with
    rho = 7: evenly over sigma^(1/rho).
    """
    top, bottom = _ends(table, sigma_min, sigma_max)
    high, low = top ** (1 / rho), bottom ** (1 / rho)
    return [*((high + part * (low - high)) ** rho for part in _parts(steps)), 0.0]


def exponential(
    steps: int, table: NoiseTable, sigma_min: LowestSigma = 0.0, sigma_max: HighestSigma = 0.0
) -> list[float]:
    """Evenly over log sigma: each step lowers the noise by the same factor."""
    high, low = _ends(table, sigma_min, sigma_max)
    return [*(high * (low / high) ** part for part in _parts(steps)), 0.0]


def beta(steps: int, table: NoiseTable, alpha: BetaAlpha = 0.6, beta: BetaBeta = 0.6) -> list[float]:
    """Close together at both ends, for composition and for detail.

    Lee et al. (2024), "Beta Sampling is All You Need": training times at evenly spread quantiles of the beta
    distribution with these parameters, alpha = beta = 0.6.
    """
    last = len(table.sigmas) - 1
    return _falling([table.sigma(last * _beta_quantile(1 - i / steps, alpha, beta)) for i in range(steps)])


def polyexponential(
    steps: int, table: NoiseTable, rho: Rho = 1.0, sigma_min: LowestSigma = 0.0, sigma_max: HighestSigma = 0.0
) -> list[float]:
    """As Exponential, bent by a power: rho = 1 is that schedule itself; more gathers levels at little noise.

    k-diffusion's polynomial in log sigma.
    """
    high, low = _ends(table, sigma_min, sigma_max)
    ways = (part if rho == 1 else 1 - (1 - part) ** rho for part in _parts(steps))
    return _falling([high * (low / high) ** way for way in ways])


def kl_optimal(
    steps: int, table: NoiseTable, sigma_min: LowestSigma = 0.0, sigma_max: HighestSigma = 0.0
) -> list[float]:
    """Evenly over the arc tangent of sigma: many levels in the middle, where the picture is decided.

    Sabour et al. (2024), "Align Your Steps", equation 9: the levels that minimise the Kullback-Leibler divergence
    for data from a normal distribution of variance 1.
    """
    top, bottom = _ends(table, sigma_min, sigma_max)
    high, low = math.atan(top), math.atan(bottom)
    return [*(math.tan(high + part * (low - high)) for part in _parts(steps)), 0.0]


# Levels for ten steps that Sabour et al. (2024) found by optimisation, as published on the paper's page.
_ALIGNED = {
    "sd": (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029),
    "sdxl": (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029),
}


def align_your_steps(steps: int, table: NoiseTable) -> list[float]:
    """Levels that were optimised for Stable Diffusion 1: good pictures in about ten steps.

    Sabour et al. (2024), "Align Your Steps"; other numbers of steps go through the same curve, log-linearly.
    """
    return _along(_ALIGNED["sd"], steps, table)


def align_your_steps_xl(steps: int, table: NoiseTable) -> list[float]:
    """Levels that were optimised for SDXL: good pictures in about ten steps. See `align_your_steps`."""
    return _along(_ALIGNED["sdxl"], steps, table)


def simple(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over the trained levels themselves, from the last: no level between two of them.

    As ComfyUI's schedule of this name.
    """
    count = len(table.sigmas)
    return _falling([table.sigmas[count - 1 - int(i * count / steps)] for i in range(steps)])


def normal(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over the training time from its last moment to its first: another name of Uniform."""
    return uniform(steps, table)


def ddim_uniform(steps: int, table: NoiseTable) -> list[float]:
    """Every n-th trained level, counted from the second: what DDIM and PLMS were published with.

    Song et al. (2020), "Denoising Diffusion Implicit Models", section 4.2, with the offset of 1 that Stable
    Diffusion's code has. It begins a little below the largest level.
    """
    count = len(table.sigmas)
    stride = count / steps
    return _falling([table.sigma(min(i * stride + 1, count - 1)) for i in reversed(range(steps))])


def turbo(steps: int, table: NoiseTable) -> list[float]:
    """Evenly over the training time from its end, in tenths: for models distilled to a few steps.

    The levels of SDXL Turbo (Sauer et al. 2023, "Adversarial Diffusion Distillation"): t = 999, 899, 799 … for up to
    ten steps; more steps are spread over the same way as SGM Uniform's.
    """
    count = len(table.sigmas)
    if steps > 10:
        return sgm_uniform(steps, table)
    return [*(table.sigma(count - 1 - i * count / 10) for i in range(steps)), 0.0]


def automatic(steps: int, table: NoiseTable) -> list[float]:
    """The one that the chosen sampler does best with."""
    return uniform(steps, table)  # for a sampler that names none; see `tasks.diffusion.schedule_of`


def _ends(table: NoiseTable, sigma_min: float, sigma_max: float) -> tuple[float, float]:
    """(highest, lowest): what was asked for, else the model's own; ends that cross would give levels that rise."""
    high, low = sigma_max or table.sigma_max, sigma_min or table.sigma_min
    return high, min(low, high * (1 - 1e-4))


def _along(levels: Sequence[float], steps: int, table: NoiseTable) -> list[float]:
    """`steps` levels log-linearly along a curve, scaled to begin where the table ends."""
    logs = [math.log(level) for level in levels]
    logs[0] = max(math.log(table.sigma_max), logs[1] + 1e-3)
    found = []
    for part in _parts(steps + 1):
        place = min(part * (len(logs) - 1), len(logs) - 1 - 1e-12)
        low = int(place)
        found.append(math.exp(logs[low] + (place - low) * (logs[low + 1] - logs[low])))
    return _falling(found[:-1])


def _falling(levels: Sequence[float]) -> list[float]:
    """The levels with 0 at the end; more steps than levels repeat some, and a step of no length is taken apart."""
    found: list[float] = []
    for level in levels:
        found.append(level if not found or level < found[-1] else found[-1] * (1 - 1e-4))
    return [*found, 0.0]


def _parts(steps: int) -> Iterable[float]:
    """0 to 1 in `steps` even parts, both ends included; only 0 for a single step."""
    return (i / max(steps - 1, 1) for i in range(steps))


def _beta_quantile(probability: float, alpha: float = 0.6, beta: float = 0.6) -> float:
    """Where the beta distribution has gathered `probability`, by bisection; in [0, 1].

    Up to x = 1/2 the integral of x^(alpha - 1) (1 - x)^(beta - 1) is the power series of x^alpha 2F1(alpha, 1 - beta;
    alpha + 1; x) / alpha, which converges quickly; from there on it is the mirror image of the other way round.
    """
    lower, upper = _gathered(0.5, alpha, beta), _gathered(0.5, beta, alpha)
    whole = lower + upper
    if probability > lower / whole:
        return 1 - _beta_quantile(1 - probability, beta, alpha)
    low, high = 0.0, 0.5
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _gathered(middle, alpha, beta) / whole < probability else (low, middle)
    return (low + high) / 2


def _gathered(x: float, alpha: float, beta: float) -> float:
    term, total = 1.0, 1 / alpha
    for n in range(1, 60):
        term *= x * (n - beta) / n
        total += term / (n + alpha)
    return float(x**alpha * total)


def register(ext: Extension) -> None:
    """Add the schedules of this file."""
    ext.schedule(automatic, label="Automatic")
    ext.schedule(uniform, label="Uniform")
    ext.schedule(karras, label="Karras")
    ext.schedule(exponential, label="Exponential")
    ext.schedule(sgm_uniform, label="SGM Uniform")
    ext.schedule(beta, label="Beta")
    ext.schedule(polyexponential, label="Polyexponential")
    ext.schedule(kl_optimal, label="KL Optimal")
    ext.schedule(align_your_steps, label="Align Your Steps")
    ext.schedule(align_your_steps_xl, label="Align Your Steps XL")
    ext.schedule(simple, label="Simple")
    ext.schedule(normal, label="Normal")
    ext.schedule(ddim_uniform, label="DDIM")
    ext.schedule(turbo, label="Turbo")
