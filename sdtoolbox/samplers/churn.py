"""Churn: a little fresh noise before a step, which gives the solver a chance to correct its earlier errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Noise

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_GROWTH = math.sqrt(2) - 1
"""The noise level grows by at most this share of itself in one churn (Karras et al. 2022, section 4)."""


def churned(
    x: Tensor,
    sigma: float,
    steps: int,
    noise: Noise,
    *,
    s_churn: float,
    s_tmin: float,
    s_tmax: float,
    s_noise: float,
) -> tuple[Tensor, float]:
    """x with fresh noise added, and the level at which it stands then; unchanged where `s_churn` is 0.

    Lines 4 to 6 of algorithm 2 of Karras et al. (2022): the level grows by the share s_churn / steps where it lies
    between s_tmin and s_tmax; s_noise is the standard deviation of what is drawn.
    """
    growth = min(s_churn / steps, LARGEST_GROWTH) if s_tmin <= sigma <= s_tmax else 0.0
    if growth <= 0:
        return x, sigma
    higher = sigma * (1 + growth)
    return x + noise(sigma, higher) * (s_noise * math.sqrt(higher**2 - sigma**2)), higher
