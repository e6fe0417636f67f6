"""What a network is given besides the noisy latent and the time: text, sizes, and a mask for inpainting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.engine.families import Family
from sdtoolbox.engine.text import Reading

GOOD, BAD = 6.0, 2.5
"""Aesthetic scores that the refiner is asked for, and asked to avoid."""


def added_conditions(
    family: Family, readings: Sequence[Reading], images: int, height: int, width: int
) -> dict[str, Tensor] | None:
    """The `added_cond_kwargs` of SDXL's networks (Podell et al. 2023, section 2.2), None for all others.

    The picture is as large as the one that it was in the training data, and not cropped; `height` and `width` in
    pixels. One row for each reading and image, all images of the first reading first.
    """
    if not family.sizes:
        return None
    rows = [(_pooled(reading), _sizes(family, reading, height, width)) for reading in readings for _ in range(images)]
    texts = torch.stack([pooled for pooled, _ in rows])  # [readings * images, P]
    return {"text_embeds": texts, "time_ids": torch.tensor([sizes for _, sizes in rows], device=texts.device)}


def _pooled(reading: Reading) -> Tensor:
    if reading.pooled is None:
        raise ValueError("this network needs the reading of a prompt as a whole, and its text encoder gives none")
    return reading.pooled


def _sizes(family: Family, reading: Reading, height: int, width: int) -> list[float]:
    original, crop = [height, width], [0, 0]
    if family.sizes == 5:  # the refiner
        return [*original, *crop, BAD if reading.negative else GOOD]
    return [*original, *crop, float(height), float(width)]


def everything_masked(autoencoder: Any, height: int, width: int) -> Tensor:
    """The five channels [1, 5, h, w] that a network made for inpainting has more, when all is to be drawn.

    They are the mask, 1 everywhere, and the latents of the picture without what is masked: of a grey one.
    """
    weight = next(autoencoder.network.parameters())
    grey = torch.zeros((1, 3, height, width), device=weight.device)
    latents: Tensor = autoencoder.encode(grey)
    return torch.cat([torch.ones_like(latents[:, :1]), latents], dim=1)
