"""ESPCN, a network of three layers that enlarges pictures in no time, as an architecture.

Shi et al. (2016), "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", section 3.1. It works on small pixels, and its last layer makes scale² values of each, which are laid out as
the large ones. The tensors are called as most who train it call them: first_part.0, first_part.2 and last_part.0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sdtoolbox.extensions import Extension

API = 1
VERSION = "1.0"
LAYERS = ("first_part.0", "first_part.2", "last_part.0")
LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Brightness of red, green and blue in [0, 1] as ITU-R BT.601 has it, from 16 to 235 of 255: it learnt from these."""
BLACK, RANGE = 16 / 255, 219 / 255


def detect(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """How many times larger this network makes a picture, None if it is another one."""
    if set(shapes) != {f"{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")}:
        return None
    first, second, last = (shapes[f"{layer}.weight"] for layer in LAYERS)
    if any(len(shape) != 4 for shape in (first, second, last)):
        return None
    colours = first[1]
    scale = math.isqrt(last[0] // colours) if colours in (1, 3) else 0
    fits = second[1] == first[0] and last[1] == second[0] and last[0] == colours * scale**2
    return scale if fits and scale > 0 else None


def build(tensors: Mapping[str, Tensor]) -> nn.Module:
    """Enlarges a picture with three convolutions, of which the last one alone sees anything large: little work.

    Most were trained on brightness alone; then colours are enlarged by bicubic interpolation.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    def convolution(layer: str) -> nn.Conv2d:
        made, seen, height, width = tensors[f"{layer}.weight"].shape
        return nn.Conv2d(seen, made, (height, width), padding=(height // 2, width // 2))

    class Espcn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first, second, last = map(convolution, LAYERS)
            self.colours = first.in_channels
            self.scale = math.isqrt(last.out_channels // self.colours)
            self.first_part = nn.Sequential(first, nn.Tanh(), second, nn.Tanh())
            self.last_part = nn.Sequential(last, nn.PixelShuffle(self.scale))

        def forward(self, image: Tensor) -> Tensor:
            """[B, 3, h, w] -> [B, 3, h * scale, w * scale]"""
            if self.colours == 3:
                return self._large(image)
            brightness = BLACK + (image * torch.tensor(LUMA).to(image).view(1, 3, 1, 1)).sum(1, keepdim=True)
            # Red, green and blue each grow by as much as brightness does: the colour stays.
            return self._bicubic(image) + (self._large(brightness) - self._bicubic(brightness)) / RANGE

        def _large(self, image: Tensor) -> Tensor:
            large: Tensor = self.last_part(self.first_part(image))
            return large

        def _bicubic(self, image: Tensor) -> Tensor:
            return functional.interpolate(image, scale_factor=self.scale, mode="bicubic", align_corners=False)

    network: Any = Espcn()
    network.load_state_dict(tensors)
    return network  # type: ignore[no-any-return]


def register(ext: Extension) -> None:
    ext.architecture("espcn", label="ESPCN", detect=detect, build=build)
