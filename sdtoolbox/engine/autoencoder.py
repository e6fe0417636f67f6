"""The autoencoder of a checkpoint: pictures to the latents that the network works on, and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sdtoolbox.engine.families import family_of


class Autoencoder:
    """Latents are shifted and scaled to about unit variance, as the VAE's configuration or else the family says."""

    def __init__(self, vae: Any, base: str) -> None:
        """`base`: of the checkpoint; a VAE from a file of its own does not know its scale."""
        self.network = vae
        config = vae.config
        self.channels = int(config.latent_channels)
        self.factor = 2 ** (len(config.block_out_channels) - 1)  # pixels a latent, each way
        family = family_of(base)
        scale = family.vae_scale or config.scaling_factor or family.config()["vae"]["scaling_factor"]
        self._scale = float(scale)
        self._shift = float(config.shift_factor or 0)
        self._mean, self._std = config.latents_mean, config.latents_std

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> RGB [B, 3, h * factor, w * factor], float32, in about [-1, 1]."""
        latents = latents.to(self._dtype)
        if self._mean is not None and self._std is not None:
            latents = latents * self._by_channel(self._std) / self._scale + self._by_channel(self._mean)
        else:
            latents = latents / self._scale + self._shift
        picture: Tensor = self.network.decode(latents, return_dict=False)[0]
        return picture.float()

    def encode(self, picture: Tensor) -> Tensor:
        """RGB [B, 3, H, W] in [-1, 1], sides multiples of `factor` -> the likeliest latents, float32."""
        latents = self.mode(picture)
        if self._mean is not None and self._std is not None:
            latents = (latents - self._by_channel(self._mean)) * self._scale / self._by_channel(self._std)
        else:
            latents = (latents - self._shift) * self._scale
        return latents

    def mode(self, picture: Tensor) -> Tensor:
        """As `encode`, but neither shifted nor scaled: what networks that edit by instruction were shown."""
        latents: Tensor = self.network.encode(picture.to(self._dtype)).latent_dist.mode()
        return latents.float()

    def _by_channel(self, values: Any) -> Tensor:
        weight = next(self.network.parameters())
        return torch.tensor(values, dtype=weight.dtype, device=weight.device).view(1, -1, 1, 1)

    @property
    def _dtype(self) -> torch.dtype:
        weight: Tensor = next(self.network.parameters())
        return weight.dtype
