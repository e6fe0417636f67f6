"""Dynamic thresholding: strong guidance without burnt colours, as a steer.

Saharia et al. (2022), "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding", section 2.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension
    from sdtoolbox.protocols import Denoiser

API = 1
VERSION = "1.0"


def dynamic_thresholding(
    denoise: Denoiser,
    *,
    prompted: Denoiser,
    guidance_scale: float,
    mimic_scale: Annotated[float, Limits(1, 100)] = 7.0,
    percentile: Annotated[float, Limits(0.5, 1)] = 0.995,
) -> Denoiser:
    """Brings what strong guidance has driven too far back into the range that a weaker one has.

    Of pixels in [-1, 1] the paper clamps each estimate to [-s, s] and divides it by s, where s is a high percentile of
    its absolute values, and at least 1. Latents have no such range, so it is taken from what guidance of `mimic_scale`
    would give at this very step: r is the largest distance from the mean in that estimate, image by image and channel
    by channel, and s the `percentile` of these distances in the guided one, at least r. Distances are clamped to s and
    multiplied by r / s. Means stay; where guidance is no stronger than `mimic_scale` nothing is cut off.
    """
    # guided = usual + (guidance_scale - 1) d, for the direction d that guidance goes.
    share = min(1.0, (mimic_scale - 1) / (guidance_scale - 1)) if guidance_scale > 1 else 1.0

    def steered(x: Tensor, sigma: float) -> Tensor:
        guided = denoise(x, sigma)
        if share == 1:
            return guided
        usual = prompted(x, sigma)
        _, reach = distances(usual + (guided - usual) * share)
        mean, away = distances(guided)
        r = largest(reach)
        s = largest(away, percentile).maximum(r)
        return (guided - mean).clamp(-s, s) * (r / s.clamp(min=1e-12)) + mean

    return steered


def distances(estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Of [B, C, h, w] the mean of each channel, [B, C, 1, 1], and how far each value is from it."""
    mean = estimate.mean(dim=(-2, -1), keepdim=True)
    return mean, (estimate - mean).abs()


def largest(values: Tensor, share: float = 1.0) -> Tensor:
    """Of [B, C, h, w] the value of each channel, [B, C, 1, 1], that this share of its values does not exceed."""
    flat = values.flatten(2)
    place = round(share * (flat.shape[-1] - 1)) + 1
    return flat.kthvalue(place, dim=-1).values[..., None, None]


def register(ext: Extension) -> None:
    ext.steer(dynamic_thresholding, label="Dynamic thresholding")
