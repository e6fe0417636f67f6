"""Pictures in the making: latent to RGB by a small matrix, a thousand times cheaper than the decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

LARGEST_SIDE = 256
SAMPLES = 4
SIDE = 8


class LatentPreview:
    """Colours of a latent, by the affine map from its channels to RGB that fits the decoder best.

    The fit is made at the first preview, from a few made-up latents: it needs no table of known models, and any
    autoencoder has a preview in its true colours.
    """

    def __init__(self, channels: int, scale: int, device: torch.device) -> None:
        """`scale`: pixels a latent, each way."""
        self._channels = channels
        self._scale = scale
        self._device = device
        self._matrix: Tensor | None = None  # [C + 1, 3], the last row is the offset

    def __call__(self, latents: Tensor, decode: Callable[[Tensor], Tensor]) -> Image.Image:
        """An RGB picture of the first latent [C, h, w], its larger side at most 256.

        `decode`, asked at the first preview alone: [1, C, h, w] -> RGB [1, 3, h * scale, w * scale] in [-1, 1].
        """
        if self._matrix is None:
            self._matrix = self._fit(decode)
        latent = latents[0].detach().float().cpu()  # [C, h, w]
        colours = _with_one(latent) @ self._matrix  # [h * w, 3]
        height, width = latent.shape[1:]
        pixels = ((colours.nan_to_num() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        image = Image.fromarray(pixels.reshape(height, width, 3).numpy())
        factor = min(self._scale, LARGEST_SIDE / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return image.resize(size, Image.Resampling.BILINEAR)

    def _fit(self, decode: Callable[[Tensor], Tensor]) -> Tensor:
        """Least squares over the pixels of smooth random latents, each decoded and shrunk to one colour a pixel."""
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn((SAMPLES, self._channels, 3, 3), generator=generator)
        # Latents of pictures are smooth and of about unit size; white noise alone would decode to grey texture.
        smooth = F.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear", align_corners=True)
        latents = 1.2 * smooth + 0.2 * torch.randn(smooth.shape, generator=generator)
        pictures = [decode(latent[None].to(self._device)).float().cpu() for latent in latents]
        colours = F.adaptive_avg_pool2d(torch.cat(pictures), SIDE)  # [SAMPLES, 3, SIDE, SIDE]
        inputs = torch.cat([_with_one(latent) for latent in latents])
        targets = colours.permute(0, 2, 3, 1).reshape(-1, 3)
        solution: Tensor = torch.linalg.lstsq(inputs, targets).solution
        return solution


def _with_one(latent: Tensor) -> Tensor:
    """[C, h, w] -> [h * w, C + 1], the last column 1."""
    pixels = latent.flatten(1).T
    return torch.cat([pixels, torch.ones(len(pixels), 1)], dim=1)
