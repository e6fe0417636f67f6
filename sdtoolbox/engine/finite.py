"""Numbers that are not finite: computed anew in float32 where that may help, else an error that names the stage."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.engine.memory import within_memory
from sdtoolbox.engine.offload import raised_precision
from sdtoolbox.errors import UserError

HINT = "Try a smaller guidance scale or another sampler; if nothing helps, the checkpoint is damaged."


@torch.no_grad()
def finite(call: Callable[[], Tensor], network: Any, stage: str, given: Tensor, hint: str = HINT) -> Tensor:
    """The result of `call` to a network, once more in float32 if it is not finite in less; else NUMERIC.

    `given` is what the network sees. OUT_OF_MEMORY if it is too large; both name the `stage`.
    """
    doing = f"{stage} on {'x'.join(map(str, given.shape))} values"
    result = within_memory(doing, call)
    if is_finite(result):
        return result
    if dtype_of(network) != torch.float32:
        result = within_memory(doing, partial(_in_float32, call, network))
        if is_finite(result):
            return result
    culprit = "answered with" if is_finite(given) else "was given"
    raise UserError("NUMERIC", f"{stage} {culprit} numbers that are not finite.", hint)


def is_finite(values: Tensor) -> bool:
    """True if every value is finite; by their sum, which is one operation, unless that leaves a doubt."""
    return math.isfinite(values.sum().item()) or bool(values.isfinite().all())


def dtype_of(network: Any) -> torch.dtype:
    """The type of a network's weights; diffusers' own `dtype` walks through all modules, at every step."""
    weight: Tensor = next(network.parameters())
    return weight.dtype


def _in_float32(call: Callable[[], Tensor], network: Any) -> Tensor:
    with raised_precision(network):
        return call()
