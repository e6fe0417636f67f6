"""Adapters at work on a checkpoint, and the checkpoint as it was afterwards, bit for bit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdtoolbox.engine.adapters import formulas
from sdtoolbox.engine.adapters.blocks import Blocks
from sdtoolbox.engine.adapters.formulas import Pair
from sdtoolbox.engine.adapters.keys import Target
from sdtoolbox.engine.adapters.loading import Change, LoadedAdapter
from sdtoolbox.engine.components import Components
from sdtoolbox.schema.adapters import Adapter

Strong = tuple[Change, float]
"""A change, and how much of it is wanted."""


class Attached:
    """Some adapters on a checkpoint, until `remove`; also a context manager that removes them."""

    def __init__(self, undo: ExitStack, warnings: list[str]) -> None:
        self._undo = undo
        self.warnings = warnings

    def remove(self) -> None:
        """Take them off: every module has its own weights again, the very objects. A second time does nothing."""
        self._undo.close()

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def attach(components: Components, adapters: Sequence[tuple[LoadedAdapter, Adapter]]) -> Attached:
    """Let adapters act on a checkpoint, each with its weights; their order does not matter.

    Plain LoRAs run beside their modules, all those of one module as one pair of matrices. What other adapters change
    is computed in float32 from the checkpoint's own weights, added up, and put in their place; these stay in memory.
    PARAM_INVALID for block weights that cannot be read. If anything is raised, nothing is attached.
    """
    changes: dict[Target, list[Strong]] = defaultdict(list)
    blocks: Blocks | None = None
    for loaded, adapter in adapters:
        if adapter.blocks and blocks is None:
            blocks = Blocks(components.unet)
        factors = blocks.factors(adapter.blocks) if blocks and adapter.blocks else None
        for target, change in loaded.changes.items():
            strength = adapter.weight if target.part == "unet" else adapter.on_text
            strength *= factors.of(target) if factors else 1.0
            if strength:
                changes[target].append((change, strength))
    with ExitStack() as undo, torch.no_grad():
        for target, found in changes.items():
            module = components.networks[target.part].get_submodule(target.path)
            _replace(module, [one for one in found if one[0].pair is None], undo)
            _accompany(module, [(change.pair, strength) for change, strength in found if change.pair], undo)
            _shift(module, found, undo)
        return Attached(undo.pop_all(), [loaded.warning for loaded, _ in adapters if loaded.warning])


def _accompany(module: nn.Module, pairs: Sequence[tuple[Pair, float]], undo: ExitStack) -> None:
    """Add all pairs' up(down(x)) to what a layer gives."""
    if not pairs:
        return
    weight: Any = module.weight
    # Weights that are stored in 8 bits are computed with in 16 or more.
    dtype = weight.dtype if weight.dtype.itemsize > 1 else torch.bfloat16
    down = torch.cat([pair.down.to(weight.device, torch.float32) for pair, _ in pairs]).to(dtype)  # [R, in, …]
    up = torch.cat([strength * pair.scale * pair.up.to(weight.device, torch.float32) for pair, strength in pairs], 1)
    up = up.to(dtype)  # [out, R]
    if isinstance(module, nn.Conv2d) and weight.is_contiguous(memory_format=torch.channels_last):
        down = down.contiguous(memory_format=torch.channels_last)
    beside = _beside_convolution if isinstance(module, nn.Conv2d) else _beside_linear
    undo.callback(module.register_forward_hook(partial(beside, down, up.t())).remove)


# Both write into what the layer has just made and nobody else has seen: another tensor of that size would cost more
# than the arithmetic.


def _beside_linear(down: Tensor, up: Tensor, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """`down` [R, in], `up` [R, out]."""
    down, up = down.to(inputs[0]), up.to(inputs[0])  # a layer may visit another device, or compute in another type
    small = F.linear(inputs[0], down)  # [..., R]
    output.view(-1, output.shape[-1]).addmm_(small.view(-1, small.shape[-1]), up)
    return output


def _beside_convolution(
    down: Tensor, up: Tensor, module: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor
) -> Tensor:
    """`down` [R, in, height, width], `up` [R, out]."""
    down, up = down.to(inputs[0]), up.to(inputs[0])
    small = F.conv2d(inputs[0], down, None, module.stride, module.padding, module.dilation)  # [B, R, h, w]
    if output.is_contiguous(memory_format=torch.channels_last):
        pixels = output.permute(0, 2, 3, 1).view(-1, output.shape[1])  # [B h w, out]
        pixels.addmm_(small.permute(0, 2, 3, 1).reshape(-1, small.shape[1]), up)
    else:
        planes = output.view(*output.shape[:2], -1)  # [B, out, h w]
        planes.baddbmm_(up.t().expand(len(output), -1, -1), small.flatten(2))
    return output


def _replace(module: nn.Module, changes: Sequence[Strong], undo: ExitStack) -> None:
    """Put W + the sum of w (changed - W) in the place of a module's weight W."""
    changes = [(change, strength) for change, strength in changes if change.tensors.keys() != {"diff_b"}]
    if not changes:
        return
    weight: Any = module.weight
    own = weight.detach().float()
    total = own.clone()
    for change, strength in changes:
        total += strength * (formulas.changed(change.tensors, own, change.scale) - own)
    _put(module, "weight", total.to(weight.dtype), undo)


def _shift(module: nn.Module, changes: Sequence[Strong], undo: ExitStack) -> None:
    """Add the differences of a module's bias, where adapters have some; a layer without a bias gets one."""
    shifts = [(change.tensors["diff_b"], strength) for change, strength in changes if "diff_b" in change.tensors]
    if not shifts:
        return
    weight: Any = module.weight
    own: Any = module.bias
    total = torch.zeros(len(weight), device=weight.device) if own is None else own.detach().float().clone()
    for shift, strength in shifts:
        total += strength * shift.to(total).reshape(total.shape)
    _put(module, "bias", total.to(weight.dtype), undo)


def _put(module: nn.Module, name: str, value: Tensor, undo: ExitStack) -> None:
    before = module._parameters[name]  # None for a layer without a bias
    if before is not None and before.ndim == 4 and before.is_contiguous(memory_format=torch.channels_last):
        value = value.contiguous(memory_format=torch.channels_last)
    undo.callback(module._parameters.__setitem__, name, before)
    module._parameters[name] = nn.Parameter(value, requires_grad=False)
