"""The networks: classes of spandrel, so that whoever reads models with it reads these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.DRUNet import DRUNet
from torch import Tensor, nn

from sdtoolbox.training.run import reached

CHANNELS = (16, 40, 80, 128)
"""Of the four scales of the UNets, the finest first: 90,000 multiplications a pixel."""

BLOCKS = 2
"""Residual blocks a scale and direction; spandrel recognises no DRUNet with fewer."""


def unet(seed: int) -> nn.Module:
    """A DRUNet from (B, 4, h, w), RGB and a map, to RGB; h and w divisible by 8. It begins near the identity."""
    torch.manual_seed(seed)
    module: Any = DRUNet(in_nc=4, out_nc=3, nc=list(CHANNELS), nb=BLOCKS)
    with torch.no_grad():
        for block in module.modules():
            if hasattr(block, "res"):
                block.res[-1].weight.mul_(0.2)
        head, tail = module.m_head.weight, module.m_tail.weight
        head[:3] = 0.0
        tail.mul_(0.2)
        tail[:, :3] = 0.0
        for channel in range(3):  # red, green and blue have a way of their own through the outermost skip
            head[channel, channel, 1, 1] = 1.0
            tail[channel, channel, 1, 1] = 1.0
    finished: nn.Module = module.to(memory_format=torch.channels_last)
    return finished


def compact(scale: int, seed: int) -> nn.Module:
    """A Compact network from (B, 3, h, w) to (B, 3, scale h, scale w). It begins as a parabola through the pixels.

    Each convolution hands on what it gets, with a little noise: so a chain of them learns as fast as one with skips
    (Zagoruyko and Komodakis 2017, "DiracNets"). Red, green and blue are not below 0 and pass all PReLUs as they are.
    """
    torch.manual_seed(seed)
    module: Any = Compact(num_feat=48, num_conv=12, upscale=scale)
    convolutions: list[Any] = [layer for layer in module.body if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for convolution in convolutions[:-1]:
            convolution.weight.mul_(0.5)
            convolution.weight[:3] = 0.0
            convolution.bias.zero_()
            for channel in range(min(convolution.in_channels, convolution.out_channels)):
                convolution.weight[channel, channel, 1, 1] += 1.0
        last = convolutions[-1]
        last.weight.mul_(0.1)
        last.bias.zero_()
        kernels = parabolas(scale)
        for colour in range(3):
            last.weight[colour * scale**2 : (colour + 1) * scale**2, :3] = 0.0
            last.weight[colour * scale**2 : (colour + 1) * scale**2, colour] = kernels
    finished: nn.Module = module.to(memory_format=torch.channels_last)
    return finished


def parabolas(scale: int) -> Tensor:
    """(scale^2, 3, 3): what must be added to repeated pixels to interpolate them by parabolas (Lagrange)."""
    offsets = (torch.arange(scale) + 0.5) / scale - 0.5
    rows = torch.stack([offsets * (offsets - 1.0) / 2.0, 1.0 - offsets.square(), offsets * (offsets + 1.0) / 2.0], 1)
    kernels = (rows[:, None, :, None] * rows[None, :, None, :]).flatten(0, 1)
    kernels[:, 1, 1] -= 1.0
    return kernels


def begin_from(module: nn.Module, folder: Path, stage: str) -> None:
    """Gives `module` the weights of a finished stage wherever names and shapes are the same; the others stay."""
    known, learned = module.state_dict(), reached(folder, stage).weights
    shared = {name: weight for name, weight in learned.items() if known[name].shape == weight.shape}
    module.load_state_dict(known | shared)


def begin_from_fourfold(module: nn.Module, folder: Path) -> None:
    """Gives a Compact network of scale 2 what that of scale 4 has learned: it makes the means of its 2 x 2 pixels."""
    begin_from(module, folder, "sr4")
    state, learned = module.state_dict(), reached(folder, "sr4").weights
    for name, weight in state.items():
        fourfold = learned[name]
        if fourfold.shape != weight.shape:  # of the last convolution: colour, row, column
            state[name] = fourfold.reshape(-1, 2, 2, 2, 2, *fourfold.shape[1:]).mean((2, 4)).flatten(0, 2)
    module.load_state_dict(state)


def ignore_map(module: Any) -> None:
    """Makes a UNet blind to its map; trained with a map of zeros it stays so.

    Whatever a program fills the fourth channel with, the result is the same.
    """
    with torch.no_grad():
        module.m_head.weight[:, 3] = 0.0


def with_map(pictures: Tensor, values: Tensor) -> Tensor:
    """Pictures (B, 3, h, w) with a fourth channel: `values` is (B, 1, h, w), or broadcasts to it."""
    filled = values.expand(len(pictures), 1, *pictures.shape[2:])
    return torch.cat([pictures, filled], 1).contiguous(memory_format=torch.channels_last)
