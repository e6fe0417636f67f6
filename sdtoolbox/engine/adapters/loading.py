"""From an adapter's file to tensors whose places in a checkpoint are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.engine.adapters import formulas
from sdtoolbox.engine.adapters.formulas import Pair
from sdtoolbox.engine.adapters.keys import ModuleNames, Target, split
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.reading import DTYPES, Source, TensorFiles
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry

SHOWN = 3  # names in a message
FIELD = "adapters"
ANOTHER = "Choose an adapter that was made for this family of models."


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter does to one module: a pair beside it, or tensors that make another weight of it."""

    tensors: Mapping[str, Tensor]  # by role, on the CPU, as stored
    pair: Pair | None
    scale: float | None = None  # alpha / rank where the tensors do not say it


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a file's tensors have a place in the checkpoint, and the names of those that have none."""

    matched: int
    total: int
    unmatched: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """0 to 1."""
        return self.matched / self.total


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """An adapter's tensors, by the module of the checkpoint that they change."""

    entry: CatalogEntry
    changes: Mapping[Target, Change]
    coverage: Coverage

    @property
    def bytes(self) -> int:
        """Memory that its tensors take."""
        return sum(t.numel() * t.element_size() for change in self.changes.values() for t in change.tensors.values())

    @property
    def warning(self) -> str:
        """A sentence if only a part of the file fits the checkpoint, else nothing."""
        fits = self.coverage
        if not fits.unmatched:
            return ""
        return (
            f"{self.entry.name} is used in part: {fits.matched} of {fits.total} of its tensors ({fits.ratio:.0%}) fit "
            f"this model; {_some(fits.unmatched)} do not."
        )


def load_adapter(entry: CatalogEntry, components: Components) -> LoadedAdapter:
    """Read an adapter's file and find the module of every tensor in it.

    UserError LORA_INCOMPATIBLE if no tensor has a place in this checkpoint, or one has another shape than its place;
    MODEL_CORRUPT or MODEL_UNSAFE as `models.header.read_header`, and if a number in it is not finite.
    """
    names = ModuleNames(components)
    with TensorFiles([entry.path]) as file:
        found, unmatched = _by_module(list(file), names)
        tensors = {
            target: {role: _read(entry, file, key) for role, key in keys.items()} for target, keys in found.items()
        }
        scales = _Scales(file.metadata, entry.path)
    changes: dict[Target, Change] = {}
    for target, roles in tensors.items():
        used = formulas.used(roles)
        unmatched += [key for role, key in found[target].items() if role not in used]
        if used:
            kept = {role: tensor for role, tensor in roles.items() if role in used}
            changes[target] = _change(entry, components, target, kept, scales)
    total = len(unmatched) + sum(len(change.tensors) for change in changes.values())
    if not changes:
        raise _incompatible(
            entry,
            f"none of the {total} tensors in {entry.name} has a place in this model ({_some(unmatched)}).",
        )
    return LoadedAdapter(entry, changes, Coverage(total - len(unmatched), total, tuple(sorted(unmatched))))


def _by_module(keys: Sequence[str], names: ModuleNames) -> tuple[dict[Target, dict[str, str]], list[str]]:
    """The keys of each module by role, and those that have no module."""
    found: dict[Target, dict[str, str]] = {}
    unmatched: list[str] = []
    for key in keys:
        parts = split(key)
        target = names.find(parts[0]) if parts else None
        if parts is None or target is None or parts[1] in found.get(target, {}):
            unmatched.append(key)
        else:
            found.setdefault(target, {})[parts[1]] = key
    return found, unmatched


def _read(entry: CatalogEntry, file: TensorFiles, key: str) -> Tensor:
    tensor = file.read(Source(key), DTYPES.get(file.info(key).dtype, torch.float32))
    if tensor.dtype.is_floating_point and tensor.dtype.itemsize == 1:
        tensor = tensor.half()  # little arithmetic is written for 8 bits
    if not tensor.isfinite().all():
        raise UserError(
            "MODEL_CORRUPT",
            f"{entry.name} holds numbers that are not finite, in {key}.",
            "Download the adapter again, or remove it.",
            FIELD,
        )
    return tensor


def _change(
    entry: CatalogEntry, components: Components, target: Target, tensors: Mapping[str, Tensor], scales: _Scales
) -> Change:
    """The change, after a try on a weight without values: whoever attaches it need not fear its shapes."""
    module: Any = components.networks[target.part].get_submodule(target.path)
    shape = module.weight.shape
    scale = None if "alpha" in tensors else scales.of(target, formulas.rank_of(tensors))
    try:
        pair = formulas.pair(tensors, shape, scale)
        if pair is None and (tensors.keys() != {"diff_b"}):
            _try(tensors, shape)
        if (bias := tensors.get("diff_b")) is not None and bias.numel() != shape[0]:
            raise ValueError
    except (ValueError, RuntimeError, IndexError):
        sizes = ", ".join("x".join(map(str, t.shape)) for t in tensors.values() if t.ndim)
        raise _incompatible(
            entry,
            f"{entry.name} was made for another model: its tensors ({sizes}) for {target.path} of the {target.part} "
            f"do not fit the {'x'.join(map(str, shape))} that this model has there.",
        ) from None
    return Change(tensors, pair, scale)


def _try(tensors: Mapping[str, Tensor], shape: torch.Size) -> None:
    if (blocks := tensors.get("oft_blocks")) is not None:  # its formula looks at values
        if blocks.ndim != 3 or blocks.shape[0] * blocks.shape[1] != shape[0] or blocks.shape[1] != blocks.shape[2]:
            raise ValueError
        if tensors.get("rescale", torch.empty(shape[0])).numel() != shape[0]:
            raise ValueError
        return
    values = ("alpha", "on_input")  # these decide about the way
    empty = {role: tensor if role in values else tensor.to("meta") for role, tensor in tensors.items()}
    formulas.changed(empty, torch.empty(shape, device="meta"))


class _Scales:
    """alpha / rank of files whose tensors do not say it: PEFT's configuration, in the metadata or beside the file."""

    def __init__(self, metadata: Mapping[str, str], file: Path) -> None:
        self._config: dict[str, Any] = {}
        self._by_part = True
        beside = file.with_name("adapter_config.json")
        try:
            if "lora_adapter_metadata" in metadata:
                self._config = dict(json.loads(metadata["lora_adapter_metadata"]))
            elif file.name == "adapter_model.safetensors" and beside.is_file():
                self._config = dict(json.loads(beside.read_text("utf-8")))
                self._by_part = False
        except (OSError, ValueError, TypeError):
            self._config = {}  # then alpha is the rank, as where nothing is said

    def of(self, target: Target, rank: int | None) -> float | None:
        """The scale, or None where nothing is said; without a `rank` of the tensors it is the configuration's."""
        alpha = self._said(target, "lora_alpha", "alpha_pattern") or self._said(target, "alpha", "alpha_pattern")
        rank = rank or self._said(target, "r", "rank_pattern")
        if alpha is None or not rank or rank < 0:
            return None
        return float(alpha / (rank**0.5 if self._config.get(self._prefix(target) + "use_rslora") else rank))

    def _said(self, target: Target, name: str, pattern_name: str) -> Any:
        """A number of a module: what a pattern says of it, else what is said of all."""
        said = self._config.get(self._prefix(target) + name)
        patterns = self._config.get(self._prefix(target) + pattern_name)
        for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
            if target.path == pattern or target.path.endswith(f".{pattern}"):
                said = value
        return said if isinstance(said, int | float) else None

    def _prefix(self, target: Target) -> str:
        return f"{target.part}." if self._by_part else ""


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _incompatible(entry: CatalogEntry, message: str) -> UserError:
    return UserError("LORA_INCOMPATIBLE", message, ANOTHER, FIELD)
