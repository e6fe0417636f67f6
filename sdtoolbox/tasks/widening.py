"""More of a picture beyond its edges: pass by pass, so that each is no wider than a network can draw well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdtoolbox.images.raster import Box, Raster
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.repainting import Part, Window

SIDES = ("left", "right", "top", "bottom")
LARGER = 1.5
"""How many times as wide and as high as its own size a network still draws one picture, not two."""
MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class Widening:
    """One pass: so many pixels beyond one side."""

    side: str
    pixels: int


def widenings(request: Inpaint, size: tuple[int, int]) -> list[Widening]:
    """The passes that a resolved request on a picture of `size` needs, one side after the other.

    A pass draws at most as much as it sees: half of a window of the size at which the request draws.
    """
    width, height = size
    passes = []
    for side in SIDES:
        left = getattr(request, f"outpaint_{side}")
        across = side in ("left", "right")
        while left:
            most = max(_window_side(request, height if across else width) // 2, MULTIPLE)
            pixels = min(left, most)
            passes.append(Widening(side, pixels))
            left -= pixels
            width, height = (width + pixels, height) if across else (width, height + pixels)
    return passes


def _window_side(request: Inpaint, edge: int) -> int:
    """How deep a window is whose other side is the whole edge: no less than what the request draws at."""
    return max(concrete(request.width), concrete(request.height), edge)


def widened(raster: Raster, one: Widening, request: Inpaint) -> Part:
    """The picture with the new strip, the mask of it, and the window to draw: the strip and as much beside it."""
    extended = raster.extended(**{one.side: one.pixels})
    width, height = extended.size
    strip = _strip(one, width, height)
    mask = np.zeros((height, width), np.float32)
    mask[strip[1] : strip[3], strip[0] : strip[2]] = 1
    across = one.side in ("left", "right")
    depth = min(_window_side(request, height if across else width), width if across else height)
    depth = max(depth, one.pixels)
    box = _strip(Widening(one.side, depth), width, height)
    return Part(extended, mask, Window(box, _drawn_size(box, request)))


def _strip(one: Widening, width: int, height: int) -> Box:
    """The outermost pixels of one side."""
    return {
        "left": (0, 0, one.pixels, height),
        "right": (width - one.pixels, 0, width, height),
        "top": (0, 0, width, one.pixels),
        "bottom": (0, height - one.pixels, width, height),
    }[one.side]


def _drawn_size(box: Box, request: Inpaint) -> tuple[int, int]:
    """The window's own size, or smaller where it is more than the network can draw as one picture."""
    width, height = box[2] - box[0], box[3] - box[1]
    most = concrete(request.width) * concrete(request.height) * LARGER**2
    scale = min(1.0, (most / (width * height)) ** 0.5)
    if scale == 1:
        return width, height
    return max(16, round(width * scale / MULTIPLE) * MULTIPLE), max(16, round(height * scale / MULTIPLE) * MULTIPLE)
