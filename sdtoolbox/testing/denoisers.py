"""Denoisers in closed form: where the data are known, so is what every sampler must come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def gaussian(x: Any, sigma: float) -> Any:
    """The exact denoiser of data from a standard normal distribution: the posterior mean x / (1 + sigma²)."""
    return x / (1 + sigma**2)


def gaussian_solution(x: Any, sigma: float, sigma_next: float) -> Any:
    """Where the probability flow of `gaussian` leads x from one noise level to another, exactly."""
    return x * ((1 + sigma_next**2) / (1 + sigma**2)) ** 0.5


def mixture(
    means: Sequence[float], spread: float, weights: Sequence[float] | None = None
) -> Callable[[Tensor, float], Tensor]:
    """The exact denoiser of numbers that lie around `means` with standard deviation `spread`, each for itself.

    `weights` say how many lie around each, equally many if they are not given. As simple as data come that are not
    normally distributed: a sampler must find the modes and keep their weights.
    """
    shares = [1 / len(means)] * len(means) if weights is None else [one / sum(weights) for one in weights]

    def denoise(x: Tensor, sigma: float) -> Tensor:
        import torch

        at, share = (torch.tensor(values, dtype=x.dtype, device=x.device) for values in (list(means), shares))
        variance = spread**2 + sigma**2
        away = x.unsqueeze(-1) - at  # from each mode, [..., modes]
        belongs = torch.softmax(share.log() - away**2 / (2 * variance), -1)
        return (belongs * (at + away * spread**2 / variance)).sum(-1)

    return denoise


def geometric(high: float, low: float, steps: int) -> list[float]:
    """steps + 1 noise levels from high to low, evenly in log sigma; they do not end in 0."""
    return [high * (low / high) ** (i / steps) for i in range(steps + 1)]
