"""Data consistency: every estimate is corrected by what is known of the picture, before the sampler sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Steer

if TYPE_CHECKING:
    from torch import Tensor


def consistent(correct: Callable[[Tensor], Tensor]) -> Steer:
    """`correct` takes an estimate [B, C, h, w] to the nearest one that agrees with what was measured, same shape.

    Restoration with the prior of a diffusion model and without training for it: Song et al. (2021), "Solving Inverse
    Problems in Medical Imaging with Score-Based Generative Models"; Kawar et al. (2022), "Denoising Diffusion
    Restoration Models"; Zhu et al. (2023), "Denoising Diffusion Models for Plug-and-Play Image Restoration". To be put
    around everything else: what comes after it would leave the measurement again.
    """

    def steer(denoise: Denoiser) -> Denoiser:
        def steered(x: Tensor, sigma: float) -> Tensor:
            return correct(denoise(x, sigma))

        return steered

    return steer
