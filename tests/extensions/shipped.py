"""The shipped extensions as an author's test would have them: loaded from their files, with noise to draw from."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.settings import bundled


def shipped(name: str) -> ModuleType:
    """The module of a shipped extension; each call imports it anew."""
    spec = importlib.util.spec_from_file_location(f"shipped_{name}", bundled("extensions") / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where pydantic looks up what annotations name, as when the toolbox imports it
    spec.loader.exec_module(module)
    return module


def registered(module: ModuleType) -> Registries:
    """Registries with what one extension adds, and nothing else."""
    extension, registries = Extension("shipped"), Registries()
    module.register(extension)
    for kind, entry in extension.draft:
        registries.named(kind).add(entry)
    return registries


class _Fresh:
    def __init__(self, shape: tuple[int, ...], generator: torch.Generator) -> None:
        self._shape, self._generator = shape, generator

    def __call__(self, a: float, b: float) -> Tensor:
        return torch.randn(self._shape, generator=self._generator, dtype=torch.float64)

    def of(self, image: int) -> Callable[[float, float], Tensor]:
        assert (image, self._shape[0]) == (0, 1), "one generator is of one image"
        return self


def drawing(shape: tuple[int, ...], seed: int = 0) -> _Fresh:
    """Noise for levels that are never asked for twice: every draw is fresh, float64."""
    return _Fresh(shape, torch.Generator().manual_seed(seed))


def moments_agree(found: Tensor, mean: Tensor, variance: Tensor) -> None:
    """Mean and variance of normal numbers, along the last axis, lie within four standard errors of [..., 1] values."""
    n = found.shape[-1]
    assert ((found.mean(-1, keepdim=True) - mean).abs() < 4 * (variance / n).sqrt()).all()
    assert ((found.var(-1, keepdim=True) / variance - 1).abs() < 4 * math.sqrt(2 / n)).all()
