"""Tiles of one picture in the same light: group norms divide all of them by what they found in the whole.

A network with group norms sees how bright and how busy its whole input is, and takes that out. Of a tile of sky it
takes out something else than of a tile of forest, and neighbours that show the same place differ in colour.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Moments = Mapping[nn.Module, tuple[Tensor, Tensor]]
"""Mean and variance of each group, [B, groups, 1], of the input of each norm."""


@contextmanager
def recorded(network: nn.Module) -> Iterator[Moments]:
    """What the group norms of `network` find in this thread until the block ends; the last call counts."""
    found: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def record(norm: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        groups = _groups(norm, inputs[0])
        found[norm] = groups.mean(-1, keepdim=True), groups.var(-1, correction=0, keepdim=True)

    with _hooked(network, record):
        yield found


@contextmanager
def used(network: nn.Module, moments: Moments) -> Iterator[None]:
    """The group norms of `network` take out `moments` in this thread until the block ends, whatever they find."""

    def normalised(norm: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        mean, variance = moments[norm]
        values = (_groups(norm, inputs[0]) - mean) * (variance + norm.eps).rsqrt()
        shape = 1, -1, *[1] * (output.ndim - 2)
        weight, bias = (values.new_tensor(one).view(shape) for one in (1, 0))
        if norm.affine:  # where weights wait in main memory they may be there again
            weight, bias = (one.to(values).view(shape) for one in (norm.weight, norm.bias))
        return (values.view(output.shape) * weight + bias).to(output.dtype)

    with _hooked(network, normalised):
        yield


def thumbnail(plane: Tensor, height: int, width: int) -> Tensor:
    """[B, C, H, W], smaller, with the mean and the spread that each channel has in the large one.

    What is small is lost when pixels are put together, and with it contrast, of which norms take out the more.
    """
    small = F.interpolate(plane, size=(height, width), mode="area")
    spread, mean = torch.std_mean(plane, dim=(2, 3), keepdim=True)
    own_spread, own_mean = torch.std_mean(small, dim=(2, 3), keepdim=True)
    return (small - own_mean) * (spread / own_spread.clamp(min=1e-6)) + mean


def _groups(norm: Any, values: Tensor) -> Tensor:
    return values.float().reshape(len(values), norm.num_groups, -1)


@contextmanager
def _hooked(network: nn.Module, hook: Any) -> Iterator[None]:
    caller = threading.get_ident()

    def mine(norm: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Any:
        return hook(norm, inputs, output) if threading.get_ident() == caller else None

    with ExitStack() as taken_off:
        for module in network.modules():
            if isinstance(module, nn.GroupNorm):
                taken_off.callback(module.register_forward_hook(partial(mine)).remove)
        yield
