"""Rescaling: guidance drives up the contrast, and this takes it back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Steer

if TYPE_CHECKING:
    from torch import Tensor


def rescaling(usual: Denoiser, share: float, active: Callable[[float], bool] = lambda sigma: True) -> Steer:
    """`share` (0 to 1) of `rescaled` in every estimate where `active(sigma)`; `usual` is that of the prompt alone."""

    def steer(denoise: Denoiser) -> Denoiser:
        def steered(x: Tensor, sigma: float) -> Tensor:
            guided = denoise(x, sigma)
            if not active(sigma):
                return guided
            return guided + (rescaled(guided, usual(x, sigma), x, sigma) - guided) * share

        return steered

    return steer


def rescaled(guided: Tensor, positive: Tensor, x: Tensor, sigma: float) -> Tensor:
    """The guided estimate with the contrast that the conditional one has, which strong guidance drives up.

    Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed", equations 15 and 16, on what a
    network that predicts v would say: v = (x / (sigma² + 1) - denoised) sqrt(sigma² + 1) / sigma; per image.
    """
    centre, unit = x / (sigma**2 + 1), sigma / math.sqrt(sigma**2 + 1)
    v, v_positive = (centre - guided) / unit, (centre - positive) / unit
    factor = _spread(v_positive) / _spread(v).clamp(min=1e-12)
    return centre - v * factor * unit


def _spread(values: Tensor) -> Tensor:
    """Standard deviation of each image, [B, 1, 1, 1]."""
    return values.std(dim=tuple(range(1, values.ndim)), keepdim=True)
