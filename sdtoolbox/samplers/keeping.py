"""Keeping what lies outside a mask: there the picture that was given is the estimate, whatever the network says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Steer
from sdtoolbox.samplers.steps import step_of

if TYPE_CHECKING:
    from torch import Tensor


def keep_outside(original: Tensor, mask: Tensor, sigmas: Sequence[float]) -> Steer:
    """`original` [1, C, h, w] where `mask` [1, 1, h, w] is 0, the network's estimate where it is 1, of any batch.

    Grey repaints with so much strength: a place of value m is `original` until the last share m of the steps of
    `sigmas`. Levin and Fried (2023), "Differential Diffusion: Giving Each Pixel Its Strength", algorithm 1, where a
    place is set free between two steps; here a step that only partly belongs to the share counts in part, so that few
    steps make no terraces. To be put around everything else: what comes after it would move what was kept.
    """
    steps, step = len(sigmas) - 1, step_of(sigmas)
    free_steps = mask * steps  # by place, counted from the end

    def steer(denoise: Denoiser) -> Denoiser:
        def steered(x: Tensor, sigma: float) -> Tensor:
            later = steps - 1 - step(sigma)
            return original.lerp(denoise(x, sigma), (free_steps - later).clamp(0, 1))

        return steered

    return steer
