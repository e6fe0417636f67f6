"""Dynamic thresholding: strong guidance without burnt colours, as a steer.

Saharia et al. (2022), "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding", section 2.3.
"""

from __future__ import annotations

from typing import Annotated, Literal

from sdtoolbox.schema.options import Limits

API = 1
VERSION = "1.0"


def dynamic_thresholding(
    denoise,
    *,
    prompted,
    percentile: Annotated[float, Limits(0.5, 1)] = 0.995,
    contrast: Annotated[float, Limits(0.1, 10)] = 1.0,
    reference: Literal["largest", "percentile"] = "largest",
    over: Literal["channel", "image"] = "channel",
):
    """Brings values that strong guidance has driven out of the usual range back into it.

    Of pixels in [-1, 1] the paper clamps each estimate to [-s, s] and divides by s, where s is a high percentile of its
    absolute values, and at least 1. Latents have no such range. Here the estimate of the prompt alone, which no guidance
    has stretched, says at every step what is usual: r = `contrast` times its largest absolute value, channel by
    channel and about the channel's mean. Then s is the `percentile` of the guided estimate, and at least r; values are
    clamped to [-s, s] and multiplied by r / s. Means stay, and where guidance is 1 nothing changes.
    """

    def spans(estimate, share):
        mean = estimate.mean(dim=(-2, -1), keepdim=True)  # [B, C, 1, 1]
        away = (estimate - mean).abs()
        away = away.flatten(2) if over == "channel" else away.flatten(1).unsqueeze(1)
        span = away.amax(-1) if share == 1 else away.quantile(share, dim=-1)
        return mean, span[..., None, None]

    def steered(x, sigma):
        guided = denoise(x, sigma)
        mean, found = spans(guided, percentile)
        _, usual = spans(prompted(x, sigma), 1 if reference == "largest" else percentile)
        r = (contrast * usual).clamp(min=1e-6)
        s = found.maximum(r)
        return (guided - mean).clamp(-s, s) * (r / s) + mean

    return steered


def register(ext):
    ext.steer(dynamic_thresholding, label="Dynamic thresholding")
