"""What spoils pictures: noise, shrinking, JPEG. Pictures are (B, 3, h, w) float32, 0 to 1, on the CPU."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

STRONGEST = 50.0 / 255.0
"""Standard deviation of the strongest noise that the denoiser is trained for."""


def round_to_bytes(pictures: Tensor) -> Tensor:
    """What is left of `pictures` in a file of 8 bits: clipped to 0 to 1 and rounded to 1/255."""
    return (pictures.clamp(0.0, 1.0) * 255.0).round() / 255.0


def noise_maps(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(count, 1, size, size): standard deviations, even in three maps of four, else changing softly from place to
    place."""
    coarse = torch.rand(count, 1, 3, 3, generator=generator) * STRONGEST
    even = torch.rand(count, 1, 1, 1, generator=generator) < 0.75
    coarse = torch.where(even, coarse[:, :, :1, :1].expand_as(coarse), coarse)
    return F.interpolate(coarse, (size, size), mode="bilinear", align_corners=True)


def add_noise(pictures: Tensor, maps: Tensor, generator: torch.Generator) -> Tensor:
    """Adds Gaussian noise of standard deviation `maps`; two of three pictures are rounded to bytes afterwards."""
    noisy = pictures + maps * torch.randn(pictures.shape, generator=generator)
    rounded = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 2.0 / 3.0
    return torch.where(rounded, round_to_bytes(noisy), noisy)


def shrink(pictures: Tensor, scale: int) -> Tensor:
    """Pillow's BICUBIC reduction by `scale`, in 8 bits: cubic with a = -1/2, widened by `scale` against aliasing."""
    size = (pictures.shape[2] // scale, pictures.shape[3] // scale)
    return round_to_bytes(F.interpolate(pictures, size, mode="bicubic", antialias=True))


def soften(pictures: Tensor, widest: float, generator: torch.Generator) -> Tensor:
    """Blurs each picture with a Gaussian of a standard deviation between 0.1 and `widest` pixels."""
    radius = max(1, round(3.0 * widest))
    offsets = torch.arange(-radius, radius + 1).float()
    sigmas = 0.1 + (widest - 0.1) * torch.rand(len(pictures), 1, generator=generator)
    kernels = torch.exp(-0.5 * (offsets / sigmas).square())
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(pictures.shape[1], 0)  # (B * C, taps)
    stacked = F.pad(pictures, (radius,) * 4, mode="reflect").flatten(0, 1)[None]
    rows = F.conv2d(stacked, kernels[:, None, :, None], groups=len(kernels))
    columns = F.conv2d(rows, kernels[:, None, None, :], groups=len(kernels))
    return columns.view_as(pictures)


def compress(picture: Tensor, quality: int, subsampled: bool) -> Tensor:
    """One picture (3, h, w) through a JPEG file; `subsampled` colours are 4:2:0, else 4:4:4."""
    array = (picture.clamp(0.0, 1.0) * 255.0).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality, subsampling=2 if subsampled else 0)
    with Image.open(file) as opened:
        return torch.from_numpy(np.array(opened)).permute(2, 0, 1).float() / 255.0
