"""The noise levels a model was trained on."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import mul
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Form

MOST_STEPS = 10_000
"""Ten times what models are trained with: a table of millions would take minutes, and end in infinity."""
SMALLEST_ALPHA = 2.0**-24
"""With zero terminal signal sigma would be infinite; this caps it at 4096, where diffusers does too."""


class DiscreteNoiseTable:
    """The sigmas of a model trained with discrete steps: sigma² = (1 - alpha) / alpha, alpha the share of signal.

    Between the entries sigma is log-linear in t, as in k-diffusion, so any sigma has its training time. Plain
    floats: a schedule can be tried out without torch.
    """

    family: Form = "variance_exploding"

    def __init__(self, alphas: Sequence[float]) -> None:
        """`alphas`: the cumulated products of 1 - beta, falling, each in (0, 1)."""
        self.sigmas: Sequence[float] = tuple(math.sqrt((1 - alpha) / alpha) for alpha in alphas)
        self._logs = tuple(math.log(sigma) for sigma in self.sigmas)
        self.sigma_min, self.sigma_max = self.sigmas[0], self.sigmas[-1]

    def sigma(self, t: float) -> float:
        """The noise level at training time t, clamped to [0, len(sigmas) - 1]."""
        t = min(max(t, 0.0), len(self.sigmas) - 1.0)
        low = int(t)
        if t == low:
            return self.sigmas[low]
        part = t - low
        return math.exp((1 - part) * self._logs[low] + part * self._logs[low + 1])

    def t(self, sigma: float) -> float:
        """The training time of a noise level, the inverse of `sigma`; clamped to the table."""
        if sigma <= self.sigma_min:
            return 0.0
        if sigma >= self.sigma_max:
            return len(self.sigmas) - 1.0
        low = bisect_right(self.sigmas, sigma) - 1
        part = (math.log(sigma) - self._logs[low]) / (self._logs[low + 1] - self._logs[low])
        return low + part

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DiscreteNoiseTable:
        """The table that a diffusers scheduler's configuration describes; MODEL_TYPE, MODEL_CORRUPT."""
        try:
            betas = config.get("trained_betas") or _betas(config)
            if len(betas) > MOST_STEPS:
                raise ValueError
            alphas = list(accumulate((1 - beta for beta in betas), mul))
            if config.get("rescale_betas_zero_snr"):
                alphas = _with_zero_terminal_signal(alphas)
            table = cls([alpha or SMALLEST_ALPHA for alpha in alphas])
            if not math.isfinite(table.sigma_max):
                raise ValueError
            return table
        except (TypeError, ValueError, ZeroDivisionError, IndexError):
            raise UserError(
                "MODEL_CORRUPT",
                "the scheduler's configuration describes no noise levels.",
                "Compare scheduler/scheduler_config.json with that of the original.",
            ) from None


def _betas(config: Mapping[str, Any]) -> list[float]:
    name = str(config.get("beta_schedule", "linear"))
    steps = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 0.0001)), float(config.get("beta_end", 0.02))
    if steps > MOST_STEPS:
        raise ValueError
    if name not in BETA_SCHEDULES:
        known = ", ".join(BETA_SCHEDULES)
        raise UserError("MODEL_TYPE", f"its scheduler's beta_schedule is {name[:40]!r}.", f"Known are: {known}.")
    return BETA_SCHEDULES[name](steps, start, end)


def _linear(steps: int, start: float, end: float) -> list[float]:
    return [start + (end - start) * i / (steps - 1) for i in range(steps)]


def _scaled_linear(steps: int, start: float, end: float) -> list[float]:
    return [root**2 for root in _linear(steps, math.sqrt(start), math.sqrt(end))]


def _squared_cosine(steps: int, _start: float, _end: float) -> list[float]:
    # Nichol and Dhariwal (2021), "Improved Denoising Diffusion Probabilistic Models", equation 17.
    def signal(part: float) -> float:
        return math.cos((part + 0.008) / 1.008 * math.pi / 2) ** 2

    return [min(1 - signal((i + 1) / steps) / signal(i / steps), 0.999) for i in range(steps)]


BETA_SCHEDULES: Mapping[str, Callable[[int, float, float], list[float]]] = {
    "linear": _linear,
    "scaled_linear": _scaled_linear,
    "squaredcos_cap_v2": _squared_cosine,
}


def _with_zero_terminal_signal(alphas: Sequence[float]) -> list[float]:
    # Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1.
    roots = [math.sqrt(alpha) for alpha in alphas]
    first, last = roots[0], roots[-1]
    return [((root - last) * first / (first - last)) ** 2 for root in roots]
