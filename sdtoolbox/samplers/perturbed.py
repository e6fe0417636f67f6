"""Perturbed-attention guidance: away from what the network draws when its attention is taken from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Denoiser, Steer

if TYPE_CHECKING:
    from torch import Tensor


def perturbed_attention(
    usual: Denoiser, perturbed: Denoiser, scale: float, active: Callable[[float], bool] = lambda sigma: True
) -> Steer:
    """Add `scale` times the way from the perturbed estimate to the usual one, both of the prompt alone.

    Ahn et al. (2024), "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance", equation 15 and, with
    classifier-free guidance inside, algorithm 2. One more network call for each one, where `active(sigma)`.
    """

    def steer(denoise: Denoiser) -> Denoiser:
        def steered(x: Tensor, sigma: float) -> Tensor:
            guided = denoise(x, sigma)
            if not active(sigma):
                return guided
            return guided + (usual(x, sigma) - perturbed(x, sigma)) * scale

        return steered

    return steer
