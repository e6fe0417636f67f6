"""A picture at the size at which it is drawn anew: stretched, cropped, or with its borders continued."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sdtoolbox.images.raster import Raster, eight_bits
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.enlarging import upscaler_of

if TYPE_CHECKING:
    from sdtoolbox.protocols import TaskContext
    from sdtoolbox.tasks.enlarging import Enlarge


def resized(source: Raster, request: Img2Img, ctx: TaskContext) -> Raster:
    """The picture at the request's width and height; the very same one if it has that size already.

    At the source's depth where nothing is resampled, else of 8 bits: that is what upscalers make.
    """
    width, height = concrete(request.width), concrete(request.height)
    if source.size == (width, height):
        return source
    if request.resize_mode == "latent":
        return source.resized(width, height)
    enlarge = upscaler_of(request.upscaler, ctx)
    if request.resize_mode == "crop":
        tall, wide = covering(source.size[1], source.size[0], height, width)
        left, top = (wide - width) // 2, (tall - height) // 2
        return _scaled(source, wide, tall, enlarge).crop((left, top, left + width, top + height))
    if request.resize_mode == "fill":
        return _framed(source, width, height, enlarge)
    return _scaled(source, width, height, enlarge)


def _framed(source: Raster, width: int, height: int, enlarge: Enlarge) -> Raster:
    """The whole picture in the middle, its edges repeated to the border, there to be drawn over: opaque."""
    factor = min(width / source.size[0], height / source.size[1])
    wide, tall = (
        max(1, min(limit, round(side * factor))) for side, limit in zip(source.size, (width, height), strict=True)
    )
    inside = _scaled(source, wide, tall, enlarge)
    left, top = (width - wide) // 2, (height - tall) // 2
    framed = inside.extended(left, top, width - wide - left, height - tall - top)
    if framed.alpha is None or inside.alpha is None:
        return framed
    alpha = np.full_like(framed.alpha, framed.maximum)
    alpha[top : top + tall, left : left + wide] = inside.alpha
    return replace(framed, alpha=alpha)


def _scaled(source: Raster, width: int, height: int, enlarge: Enlarge) -> Raster:
    if source.size == (width, height):
        return source
    large = enlarge(source.picture(), width, height)
    alpha = source.resized(width, height).alpha
    return Raster(np.asarray(large), None if alpha is None else eight_bits(alpha))


def covering(height: int, width: int, to_height: int, to_width: int) -> tuple[int, int]:
    """The smallest (height, width) of the same aspect that covers another size."""
    if height * to_width == width * to_height:
        return to_height, to_width
    factor = max(to_height / height, to_width / width)
    return max(to_height, math.ceil(height * factor - 1e-6)), max(to_width, math.ceil(width * factor - 1e-6))
