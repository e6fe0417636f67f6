"""What a network is given besides the noisy latent and the time: text, sizes, what surrounds a mask, a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdtoolbox.changes import Repaint
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.pixels import MASKED, hidden_cells, mask_pixels, to_tensor
from sdtoolbox.engine.text import Reading
from sdtoolbox.protocols import Variant

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


def variant_of(takes: int, channels: int) -> Variant:
    """What a network that `takes` so many channels sees beside latents of `channels`; KeyError for anything else."""
    variants: dict[int, Variant] = {channels: "", 2 * channels: "instruct", 2 * channels + 1: "inpaint"}
    return variants[takes]


def masked_picture(shown: Repaint | None, factor: int, size: torch.Size, device: torch.device) -> tuple[Tensor, Tensor]:
    """What a network made for inpainting learned to see: what is hidden, and the picture with grey in its place.

    [1, 1, h, w], 0 or 1, with h x w = `size`, and [1, 3, H, W] in [-1, 1] for the encoder. None: all is hidden.
    """
    height, width = size
    if shown is None:
        grey = torch.zeros((1, 3, height * factor, width * factor), device=device)
        return torch.ones((1, 1, height, width), device=device), grey
    picture = to_tensor(shown.picture, factor, device)
    mask = (mask_pixels(shown.mask, factor, device) >= MASKED).float()
    cells = hidden_cells(mask, factor)
    if mask.shape[2:] != picture.shape[2:] or cells.shape[2:] != size:
        of = f"{shown.picture.size} with a mask of {shown.mask.shape[::-1]}"
        raise ValueError(f"a picture of {of} cannot be repainted on latents of {width} x {height}")
    return cells, picture * (1 - mask)
