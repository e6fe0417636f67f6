"""Ways to run a sampler without a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.fakes import gaussian


def geometric(high: float, low: float, steps: int) -> list[float]:
    """steps + 1 noise levels from high to low, evenly in log sigma; they do not end in 0."""
    return [high * (low / high) ** (i / steps) for i in range(steps + 1)]


def no_noise(a: float, b: float) -> Tensor:
    """The noise of a sampler that must not ask for any."""
    raise AssertionError(f"asked for noise from {a} to {b}")


def run(sampler: Callable[..., Any], x: Any, sigmas: Sequence[float], denoise: Any = gaussian, **options: Any) -> Any:
    """What a sampler makes of x, without noise unless `noise` is given."""
    arguments = {"noise": no_noise, "on_step": lambda i, x, denoised: None} | options
    return sampler(denoise, x, sigmas, **arguments)


def variance(sampler: Callable[..., Any], sigmas: Sequence[float], variance_at_start: float, **options: Any) -> float:
    """The exact variance of what a sampler makes of Gaussian data.

    The denoiser of Gaussian data is linear, so the result is a sum of the start and of every draw of noise, each
    times a number. Give each an axis of its own, and the numbers can be read off.
    """
    axes = torch.eye(len(sigmas) + 2, dtype=torch.float64)
    drawn = iter(axes[1:])
    result = run(sampler, axes[0] * math.sqrt(variance_at_start), sigmas, noise=lambda a, b: next(drawn), **options)
    return float((result**2).sum())
