"""Ways to run a sampler without a model."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from tests.fakes import STABLE_DIFFUSION, builtin_registries, gaussian, gaussian_solution, geometric

STABLE_DIFFUSION_TABLE = DiscreteNoiseTable.from_config(STABLE_DIFFUSION)


def no_noise(a: float, b: float) -> Tensor:
    """The noise of a sampler that must not ask for any."""
    raise AssertionError(f"asked for noise from {a} to {b}")


def run(
    sampler: Callable[..., Any],
    x: Any,
    sigmas: Sequence[float],
    denoise: Any = gaussian,
    noise_table: Any = STABLE_DIFFUSION_TABLE,
    **options: Any,
) -> Any:
    """What a sampler makes of x, without noise unless `noise` is given; guidance is off: both denoisers are one."""
    needs = {"unconditional": denoise, "noise_table": noise_table, "measure": lambda name, values: None}
    named = {name: value for name, value in needs.items() if name in inspect.signature(sampler).parameters}
    arguments = {"noise": no_noise, "on_step": lambda i, x, denoised: None} | named | options
    return sampler(denoise, x, sigmas, **arguments)


def variance(sampler: Callable[..., Any], sigmas: Sequence[float], variance_at_start: float, **options: Any) -> float:
    """The exact variance of what a sampler makes of Gaussian data.

    The denoiser of Gaussian data is linear, so the result is a sum of the start and of every draw of noise, each
    times a number. Give each an axis of its own, and the numbers can be read off.
    """
    draws = 4 * len(sigmas) + 2
    path = _Brownian(draws)
    start = torch.zeros(1, path.size, dtype=torch.float64)
    start[0, -1] = math.sqrt(variance_at_start)
    result = run(sampler, start, sigmas, noise=path, **options)
    return float((result**2).sum())


class _Brownian:
    """Noise as coordinates: `noise(a, b)` with a > b is the increment of one path from a to b, else a fresh draw.

    The path's axes are the intervals between all levels that are ever asked for, found as they come: an interval
    that is asked for in parts later shares the axes of its parts, because each level splits what it falls into.
    """

    def __init__(self, draws: int) -> None:
        self.size = 4 * draws
        self._levels: list[float] = []
        self._vectors: list[torch.Tensor] = []  # one an interval, of length sqrt(its length)
        self._used = 0

    def _axis(self) -> torch.Tensor:
        axis = torch.zeros(1, self.size, dtype=torch.float64)
        axis[0, self._used] = 1
        self._used += 1
        return axis

    def __call__(self, a: float, b: float) -> torch.Tensor:
        if a <= b:
            return self._axis()
        for level in (a, b):
            self._split(level)
        high, low = self._levels.index(a), self._levels.index(b)
        return sum(self._vectors[high:low], torch.zeros(1, self.size, dtype=torch.float64)) / math.sqrt(a - b)

    def _split(self, level: float) -> None:
        if level in self._levels:
            return
        place = sum(other > level for other in self._levels)
        self._levels.insert(place, level)
        above = self._levels[place - 1] if place else None
        below = self._levels[place + 1] if place + 1 < len(self._levels) else None
        if above is not None and below is not None:  # a bridge: what is known of the whole, and fresh for the rest
            whole = self._vectors.pop(place - 1)
            part = (above - level) / (above - below)
            rest = self._axis() * math.sqrt((above - level) * (level - below) / (above - below))
            self._vectors[place - 1 : place - 1] = [whole * part + rest, whole * (1 - part) - rest]
        elif above is not None:
            self._vectors.append(self._axis() * math.sqrt(above - level))
        elif below is not None:
            self._vectors.insert(0, self._axis() * math.sqrt(level - below))


# (sampler, its options, its order of convergence): multistep methods start with one step of first order, which leaves
# them an order of 2 in the end, however many steps they remember; UniPC corrects that.
ORDERS: list[tuple[str, dict[str, Any], float]] = [
    ("euler", {}, 1),
    ("euler_ancestral", {"eta": 0.0}, 1),
    ("heun", {}, 2),
    ("heunpp2", {}, 1),
    ("dpm2", {}, 2),
    ("dpm2_ancestral", {"eta": 0.0}, 2),
    ("dpmpp_2m", {}, 2),
    ("dpmpp_2m_sde", {"eta": 0.0}, 2),
    ("dpmpp_3m_sde", {"eta": 0.0}, 2),
    ("dpmpp_2s_ancestral", {"eta": 0.0}, 2),
    ("dpmpp_sde", {"eta": 0.0}, 2),
    ("dpm_fast", {}, 2),
    ("lms", {"order": 2}, 2),
    ("deis", {}, 2),
    ("ipndm", {}, 2),
    ("plms", {}, 2),
    ("ddim", {}, 1),
    ("ddim_cfgpp", {}, 1),
    ("tcd", {"gamma": 0.0}, 1),
    ("unipc", {}, 3),
    ("unipc", {"order": 3}, 4),
]


def order_of(name: str, options: Mapping[str, Any]) -> float:
    """How many times the error of a sampler is halved where the steps are: exact for the Gaussian denoiser."""
    sampler = builtin_registries().samplers.get(name).value.function
    # DPM fast ends with a look at the lowest level, and spends three calls a step.
    fast = name == "dpm_fast"

    def error(steps: int) -> float:
        x = torch.tensor([7.0], dtype=torch.float64)
        sigmas = geometric(10, 0.1, steps) + ([0.0] if fast else [])
        wanted = gaussian_solution(x, 10, 0.1)
        found = run(sampler, x, sigmas, **options)
        return abs(float(found - (gaussian(wanted, 0.1) if fast else wanted)))

    few = 120 if fast else 80
    return math.log2(error(few) / error(2 * few))
