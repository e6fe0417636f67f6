"""Steps and noise levels: pairs of them, which step a level belongs to, how much noise a step may add back."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

ROUNDING = 1e-6


def intervals(sigmas: Sequence[float]) -> Iterator[tuple[int, float, float]]:
    """(i, sigma, next sigma) for each step i from 0; the last next sigma is 0 in a whole schedule."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        yield i, sigma, sigma_next


def ancestral_step(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(down, up): step to noise level `down` without randomness, then add noise of std `up`, to stand at `sigma_next`.

    up² = eta² next² (sigma² - next²) / sigma² is the variance of one reverse step of DDPM for eta = 1 (Ho et al.
    2020; Song et al. 2020, DDIM, equation 16, with sigma² = (1 - alpha) / alpha), and down² = next² - up².
    """
    up = min(sigma_next, eta * sigma_next * math.sqrt(max(sigma**2 - sigma_next**2, 0.0)) / sigma)
    return math.sqrt(sigma_next**2 - up**2), up


def step_of(sigmas: Sequence[float]) -> Callable[[float], int]:
    """Which step, from 0, a noise level belongs to: step i has sigma in (sigmas[i + 1], sigmas[i]].

    What lies above the first level belongs to the first step, 0 to the last. A level that was computed anew may miss
    its own by a rounding error.
    """
    lower = [-sigma * (1 + ROUNDING) for sigma in sigmas[1:-1]]  # rising, as bisect wants it

    def step(sigma: float) -> int:
        return bisect_right(lower, -sigma)

    return step
