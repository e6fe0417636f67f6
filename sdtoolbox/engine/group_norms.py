"""Tiles of one picture in the same light: group norms divide all of them by what they found in the whole.

A network with group norms sees how bright and how busy its whole input is, and takes that out. Of a tile of sky it
takes out something else than of a tile of forest, and neighbours that show the same place differ in colour.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

Moments = Mapping[nn.Module, tuple[Tensor, Tensor]]
"""Mean and variance of each group, [B, groups, 1], of the input of each norm."""


def has_group_norms(network: nn.Module) -> bool:
    """Whether what a network makes of a place depends on all that it sees, in this way."""
    return any(isinstance(module, nn.GroupNorm) for module in network.modules())


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
        told: Tensor = (values.view(output.shape) * weight + bias).to(output.dtype)
        return told

    with _hooked(network, normalised):
        yield


def thumbnail(plane: Tensor, height: int, width: int) -> Tensor:
    """[B, C, H, W] at a smaller size, in which norms find about what they find in the large one.

    Places are picked, not averaged: averages have less contrast, which norms would make up for.
    """
    return F.interpolate(plane, size=(height, width), mode="nearest-exact")


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
                taken_off.callback(module.register_forward_hook(mine).remove)
        yield
