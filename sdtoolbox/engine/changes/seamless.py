"""Pictures without seams: convolutions see the opposite edge where they would see nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from diffusers.models.downsampling import Downsample2D
from torch import Tensor, nn
from torch.nn import functional as F

from sdtoolbox.changes import Seamless
from sdtoolbox.errors import UserError

ACROSS, DOWN = 3, 2  # the dimensions of [B, C, h, w]


def seamless(network: nn.Module, change: Seamless, mine: Callable[[], bool], taken_off: ExitStack) -> None:
    """Wrap what every padded convolution of the network is given around the edges that shall meet."""
    axes = [axis for axis, wanted in ((ACROSS, change.horizontal), (DOWN, change.vertical)) if wanted]
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and any(_widths(module, axes).values()):
            widths = _widths(module, axes)
            taken_off.callback(module.register_forward_pre_hook(partial(_wrap, widths, mine)).remove)
            taken_off.callback(module.register_forward_hook(partial(_unwrap, widths, mine)).remove)
        elif isinstance(module, Downsample2D) and module.padding == 0:
            convolution: Any = module.conv
            taken_off.callback(convolution.register_forward_pre_hook(partial(_join, axes, mine)).remove)


def check_size(change: Seamless, width: int, height: int, factor: int) -> None:
    """PARAM_INVALID unless the edges that shall meet lie where a latent ends, every `factor` pixels."""
    for name, wanted, size in (("width", change.horizontal, width), ("height", change.vertical, height)):
        if wanted and size % factor:
            below = size // factor * factor
            raise UserError(
                "PARAM_INVALID",
                f"a {name} of {size} cannot be tiled without a seam.",
                f"Its {name} must be a multiple of {factor}: {below} or {below + factor}.",
                name,
            )


def _widths(convolution: nn.Conv2d, axes: list[int]) -> dict[int, int]:
    """By axis, how many places to add on either side: enough for the padding, and a multiple of the stride."""
    found = {}
    for axis in axes:
        padding, stride = convolution.padding[axis - 2], convolution.stride[axis - 2]
        found[axis] = -(-int(padding) // stride) * stride
    return found


def _wrap(widths: dict[int, int], mine: Callable[[], bool], _module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """The layer pads with zeros still, further out: what it makes of them is cut off again by `_unwrap`.

    So nothing of the layer itself is changed, and adapters beside it see what it sees.
    """
    if not mine():
        return inputs
    x, *others = inputs
    across, down = widths.get(ACROSS, 0), widths.get(DOWN, 0)
    if across:
        x = F.pad(x, (across, across, 0, 0), mode="circular")
    if down:
        x = F.pad(x, (0, 0, down, down), mode="circular")
    return x, *others


def _unwrap(
    widths: dict[int, int], mine: Callable[[], bool], module: Any, _inputs: tuple[Any, ...], output: Tensor
) -> Tensor:
    if not mine():
        return output
    for axis, width in widths.items():
        cut = width // module.stride[axis - 2]
        output = output.narrow(axis, cut, output.shape[axis] - 2 * cut)
    return output


def _join(axes: list[int], mine: Callable[[], bool], _module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """The encoder of pictures adds one row and one column of zeros at the far edges before it shrinks them."""
    if not mine():
        return inputs
    x = inputs[0].clone()
    for axis in axes:
        x.select(axis, -1).copy_(x.select(axis, 0))
    return x, *inputs[1:]
