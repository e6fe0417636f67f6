"""Latents enlarged without a decoder: the interpolations that torch has, as two small matrices each.

Every one of these is separable, so it is rows @ latents @ columns with a matrix of weights an axis. Coordinates are
those of pixel centres, (i + 1/2) scale - 1/2; edges are repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension

Rows = list[list[float]]
"""[new][old]: how much of each old place goes into each new one; every row adds up to 1."""
CUBIC = -0.75
ANTIALIASED_CUBIC = -0.5
"""The free parameter of cubic convolution (Keys 1981); the antialiased one is Pillow's."""


def latent(latents: Tensor, height: int, width: int) -> Tensor:
    """Linear between neighbours: soft, and the usual choice at strengths from 0.6."""
    return _resized(latents, height, width, lambda old, new: _interpolated(old, new, _triangle, 1))


def latent_antialiased(latents: Tensor, height: int, width: int) -> Tensor:
    """As Latent, over a wider neighbourhood where a side shrinks."""
    return _resized(latents, height, width, lambda old, new: _antialiased(old, new, _triangle, 1))


def latent_bicubic(latents: Tensor, height: int, width: int) -> Tensor:
    """Cubic between four neighbours: crisper edges."""
    return _resized(latents, height, width, lambda old, new: _interpolated(old, new, _cubic(CUBIC), 2))


def latent_bicubic_antialiased(latents: Tensor, height: int, width: int) -> Tensor:
    """As Latent (bicubic), over a wider neighbourhood where a side shrinks."""
    return _resized(latents, height, width, lambda old, new: _antialiased(old, new, _cubic(ANTIALIASED_CUBIC), 2))


def latent_nearest(latents: Tensor, height: int, width: int) -> Tensor:
    """Every place as it is, only larger: keeps the noise statistics, shows steps at low strengths."""
    return _resized(latents, height, width, lambda old, new: _picked(old, new, 0.0))


def latent_nearest_exact(latents: Tensor, height: int, width: int) -> Tensor:
    """As Latent (nearest), counted from the middle of each place."""
    return _resized(latents, height, width, lambda old, new: _picked(old, new, 0.5))


def latent_area(latents: Tensor, height: int, width: int) -> Tensor:
    """The mean over the area that each new place covers."""
    return _resized(latents, height, width, _areas)


def _resized(latents: Tensor, height: int, width: int, weights: Callable[[int, int], Rows]) -> Tensor:
    """[B, C, h, w] -> [B, C, height, width]."""
    rows = latents.new_tensor(weights(latents.shape[-2], height))  # [height, h]
    columns = latents.new_tensor(weights(latents.shape[-1], width))  # [width, w]
    return rows @ latents @ columns.T


def _interpolated(old: int, new: int, kernel: Callable[[float], float], reach: int) -> Rows:
    rows = []
    for i in range(new):
        centre = (i + 0.5) * old / new - 0.5
        row = [0.0] * old
        for j in range(math.floor(centre) - reach + 1, math.floor(centre) + reach + 1):
            row[min(max(j, 0), old - 1)] += kernel(centre - j)
        rows.append(row)
    return rows


def _antialiased(old: int, new: int, kernel: Callable[[float], float], reach: int) -> Rows:
    scale = max(old / new, 1.0)
    rows = []
    for i in range(new):
        centre = (i + 0.5) * old / new
        start, end = max(int(centre - reach * scale + 0.5), 0), min(int(centre + reach * scale + 0.5), old)
        weights = [kernel((j + 0.5 - centre) / scale) if start <= j < end else 0.0 for j in range(old)]
        rows.append([weight / sum(weights) for weight in weights])
    return rows


def _picked(old: int, new: int, offset: float) -> Rows:
    picked = [min(int((i + offset) * old / new), old - 1) for i in range(new)]
    return [[float(j == place) for j in range(old)] for place in picked]


def _areas(old: int, new: int) -> Rows:
    rows = []
    for i in range(new):
        start, end = i * old // new, -(-(i + 1) * old // new)
        rows.append([1 / (end - start) if start <= j < end else 0.0 for j in range(old)])
    return rows


def _triangle(x: float) -> float:
    return max(0.0, 1 - abs(x))


def _cubic(a: float) -> Callable[[float], float]:
    def kernel(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return ((a + 2) * x - (a + 3)) * x * x + 1
        return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0

    return kernel


def register(ext: Extension) -> None:
    """Add the upscalers of this file."""
    ext.upscaler(latent, label="Latent", on="latents")
    ext.upscaler(latent_antialiased, label="Latent (antialiased)", on="latents")
    ext.upscaler(latent_bicubic, label="Latent (bicubic)", on="latents")
    ext.upscaler(latent_bicubic_antialiased, label="Latent (bicubic antialiased)", on="latents")
    ext.upscaler(latent_nearest, label="Latent (nearest)", on="latents")
    ext.upscaler(latent_nearest_exact, label="Latent (nearest-exact)", on="latents")
    ext.upscaler(latent_area, label="Latent (area)", on="latents")
