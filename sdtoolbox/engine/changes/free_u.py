"""FreeU: the features that come up from the deep weigh more, the coarse part of those that skip over weighs less."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sdtoolbox.changes import FreeU


def free_u(network: nn.Module, change: FreeU, mine: Callable[[], bool], taken_off: ExitStack) -> None:
    """Weigh what each block on the way up is given; see `weighed`.

    The first pair of weights acts where the features are as wide as the network's widest, the second where they are
    as wide as the next: 1280 and 640 channels in Stable Diffusion 1, as the authors' code has it.
    """
    if not isinstance(network, UNet2DConditionModel):
        return
    widths = sorted({*network.config["block_out_channels"]}, reverse=True)
    weights = dict(zip(widths, ((change.b1, change.s1), (change.b2, change.s2)), strict=False))
    up: Any = network
    channels = up.mid_block.resnets[-1].out_channels
    for block in up.up_blocks:
        for resnet in block.resnets:
            if channels in weights:
                backbone, skip = weights[channels]
                hook = partial(_weigh, channels, backbone, skip, mine)
                taken_off.callback(resnet.register_forward_pre_hook(hook).remove)
            channels = resnet.out_channels


def _weigh(
    channels: int, backbone: float, skip: float, mine: Callable[[], bool], _resnet: nn.Module, inputs: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The block's input is what comes up, `channels` wide, and beside it what skips over."""
    joined, *others = inputs
    if not mine():
        return inputs
    up, over = weighed(joined[:, :channels], joined[:, channels:], backbone, skip)
    return torch.cat([up, over], dim=1), *others


def weighed(up: Tensor, over: Tensor, backbone: float, skip: float) -> tuple[Tensor, Tensor]:
    """Half of the channels of `up` times `backbone`, the lowest frequencies of `over` times `skip`; [B, C, h, w].

    Si et al. (2023), "FreeU: Free Lunch in Diffusion U-Net", equations 3 and 5 with the threshold of the authors' code.
    """
    half = up.shape[1] // 2
    return torch.cat([up[:, :half] * backbone, up[:, half:]], dim=1), _low_scaled(over, skip)


def _low_scaled(features: Tensor, factor: float) -> Tensor:
    height, width = features.shape[-2:]
    spectrum = torch.fft.fftshift(torch.fft.fftn(features.float(), dim=(-2, -1)), dim=(-2, -1))
    mask = torch.ones(height, width, device=features.device)
    mask[max(height // 2 - 1, 0) : height // 2 + 1, max(width // 2 - 1, 0) : width // 2 + 1] = factor
    spectrum = torch.fft.ifftshift(spectrum * mask, dim=(-2, -1))
    result: Tensor = torch.fft.ifftn(spectrum, dim=(-2, -1)).real.to(features.dtype)
    return result
