"""What the families of diffusion upscalers differ in: what a network sees of the small picture, and how it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from sdtoolbox.engine.autoencoder import Autoencoder
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.engine.parameterization import Scaling, preconditioned, scaling
from sdtoolbox.engine.text import Reading
from sdtoolbox.protocols import NoiseTable

FEATURES = 64
"""Half of the features of the small picture's noise level that the latent upscaler is given: cosines, then sines."""


class Way(Protocol):
    """That of one family; `latents` are what the network works on, of the large picture."""

    table: NoiseTable
    scaling: Scaling
    scale: int
    multiple: int  # of a tile's sides, in pixels: what the networks halve again and again comes out even

    def beside(self, small: Tensor, noise: Callable[[int, torch.Size], Tensor], level: int) -> Tensor:
        """What the network sees beside the latents, as large as they are, of RGB [1, 3, H, W] in [-1, 1].

        `noise(channels, size)` is unit noise, `level` how much of it the picture is to have, of 1000.
        """
        ...

    def answer(self, seen: Tensor, sigma: float, context: Tensor, readings: Sequence[Reading], level: int) -> Tensor:
        """What the network says of [n, C, h, w], one for each reading: as many channels as latents have."""
        ...


class PixelUpscaler:
    """Stable Diffusion's x4 upscaler: a latent a pixel of the small picture, which lies beside with noise over it.

    Rombach et al. (2022), section 4.4; the noise is that of Ho et al. (2021), "Cascaded Diffusion Models", 4.1, and the
    network is told its level as a class.
    """

    scale = 4
    multiple = 8

    def __init__(self, components: Components, low_res: Mapping[str, Any]) -> None:
        """`low_res` is the configuration of a diffusers scheduler with the noise of the small picture."""
        self.table: NoiseTable = DiscreteNoiseTable.from_config(components.scheduler)
        self.scaling = scaling(str(components.scheduler.get("prediction_type", "epsilon")))
        self._unet = components.unet
        self._low = DiscreteNoiseTable.from_config(low_res)

    def beside(self, small: Tensor, noise: Callable[[int, torch.Size], Tensor], level: int) -> Tensor:
        """The small picture, with noise of this level over it, at unit variance again."""
        sigma = self._low.sigma(level)
        return (small + sigma * noise(small.shape[1], small.shape[2:])) / math.sqrt(1 + sigma**2)

    def answer(self, seen: Tensor, sigma: float, context: Tensor, readings: Sequence[Reading], level: int) -> Tensor:
        """One call at the training time of sigma."""
        levels = torch.full((len(seen),), level, device=seen.device)
        found: Tensor = self._unet(seen, self.table.t(sigma), context, class_labels=levels, return_dict=False)[0]
        return found


class LatentUpscaler:
    """Stable Diffusion's x2 latent upscaler: the small picture's own latents lie beside, each over two by two places.

    Its network is asked as Karras et al. (2022), table 1, have it: log(sigma) / 4 for the time, unit variance in and
    out.
    """

    scale = 2
    # Latents of eight pixels become twice as many, which are halved three times, and at least two must be left.
    multiple = 64

    def __init__(self, components: Components, encode: Callable[[Tensor], Tensor]) -> None:
        """`encode` gives the latents of RGB [1, 3, H, W] in [-1, 1]."""
        self.table: NoiseTable = DiscreteNoiseTable.from_config(components.scheduler)
        self.scaling: Scaling = preconditioned
        self._unet = components.unet
        self._encode = encode

    def beside(self, small: Tensor, noise: Callable[[int, torch.Size], Tensor], level: int) -> Tensor:
        """Its latents, without noise."""
        return F.interpolate(self._encode(small), scale_factor=self.scale, mode="nearest")

    def answer(self, seen: Tensor, sigma: float, context: Tensor, readings: Sequence[Reading], level: int) -> Tensor:
        """One call; the last channel of the answer, a variance, is left out."""
        time = torch.tensor(math.log(sigma) / 4, device=seen.device)
        # Of no noise at all the cosines are 1 and the sines 0.
        without = torch.cat([torch.ones(FEATURES), torch.zeros(FEATURES)]).to(seen)
        told = torch.stack([torch.cat([without, _pooled(one).to(seen)]) for one in readings])
        found: Tensor = self._unet(seen, time, context, timestep_cond=told, return_dict=False)[0]
        return found[:, :-1]


def _pooled(reading: Reading) -> Tensor:
    if reading.pooled is None:
        raise ValueError("this network needs the reading of a prompt as a whole, and its text encoder gives none")
    return reading.pooled


def way_of(components: Components, low_res: Mapping[str, Any], autoencoder: Autoencoder) -> Way:
    """That of a loaded upscaler, whose base is the variant of its entry."""
    if components.base == "sd_upscaler":
        return PixelUpscaler(components, low_res)
    return LatentUpscaler(components, autoencoder.encode)
