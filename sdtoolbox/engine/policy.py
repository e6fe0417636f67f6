"""Where a model's weights lie and what they are computed in: chosen from the machine, overruled by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from sdtoolbox.settings import Settings

Placement = Literal["device", "model", "group", "sequential"]
PLACEMENTS: Mapping[Placement, str] = {
    "device": "all weights on the device",
    "model": "one part at a time on the device",
    "group": "one block of layers at a time on the device",
    "sequential": "one layer at a time on the device",
}
"""The fastest first; each needs less device memory than the one before, and none changes a picture."""

DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SMALL = 100_000_000
"""Networks with fewer parameters run in float32: there the same request gives the same bytes."""
BLOCKS = 8
"""A block of layers is about so large a part of a U-Net; two of them are on the device while blocks are swapped."""
WORK = 2**30
"""Bytes that a picture of a family's usual size needs beside the weights, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of the device before anything is loaded."""

    kind: str  # cpu, cuda, mps
    memory: int  # bytes that weights and work may take on the device
    fast_bfloat16: bool = False  # of the CPU: bfloat16 beats float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one model is held and computed."""

    placement: Placement = "device"
    precision: torch.dtype = torch.float32  # of network and decoder; text encoders are float32 everywhere
    storage: torch.dtype | None = None  # of the network's large layers between calls, where it is not the precision
    channels_last: bool = False
    attention: Literal["sdpa", "chunked"] = "sdpa"

    @property
    def offloads(self) -> bool:
        """Whether weights wait in main memory and visit the device only to be used."""
        return self.placement != "device"

    def described(self) -> str:
        """One line for people: "all weights on the device, float16, channels last, sdpa attention"."""
        parts = [PLACEMENTS[self.placement], name_of(self.precision)]
        if self.storage is not None:
            parts.append(f"stored as {name_of(self.storage)}")
        if self.channels_last:
            parts.append("channels last")
        return ", ".join([*parts, f"{self.attention} attention"])


def choose(machine: Machine, parameters: Mapping[str, int], settings: Settings) -> Policy:
    """The policy for a model with these numbers of parameters by part ("unet", "vae", "text_encoder" …).

    Large networks run in the machine's fast type, and as much of the model stays on the device as fits beside the
    work. What the settings say wins, except that small networks stay in float32 and that nothing is moved about
    where there is only one memory. Float8 storage loses digits, so it is never chosen unasked.
    """
    large = sum(parameters.values()) >= SMALL
    precision = _precision(machine, settings) if large else torch.float32
    storage = torch.float8_e4m3fn if large and settings.fp8_storage else None
    sizes = {part: number * bytes_of(part, precision, storage) for part, number in parameters.items()}
    half = precision != torch.float32
    return Policy(
        placement=_placement(machine, sizes, settings),
        precision=precision,
        storage=storage,
        # Twice as fast for large convolutions in 16 bits; for small networks in float32 it changes nothing.
        channels_last=half,
        attention="chunked" if machine.kind == "cpu" and precision == torch.bfloat16 else "sdpa",
    )


def _precision(machine: Machine, settings: Settings) -> torch.dtype:
    if settings.precision != "auto":
        return DTYPES[settings.precision]
    if machine.kind == "cpu":
        return torch.bfloat16 if machine.fast_bfloat16 else torch.float32
    return torch.float16


def _placement(machine: Machine, sizes: Mapping[str, int], settings: Settings) -> Placement:
    if machine.kind != "cuda":
        return "device"
    if settings.placement != "auto":
        return settings.placement
    largest = max(sizes.values(), default=0)
    room = machine.memory - WORK - largest // 4  # activations grow with the network
    if sum(sizes.values()) <= room:
        return "device"
    if largest <= room:
        return "model"
    return "group" if 2 * largest // BLOCKS <= room else "sequential"


def bytes_of(part: str, precision: torch.dtype, storage: torch.dtype | None = None) -> int:
    """Bytes of one parameter of a part."""
    if part.startswith("text_encoder"):
        return torch.float32.itemsize
    return (storage if storage is not None and part == "unet" else precision).itemsize


def name_of(dtype: torch.dtype) -> str:
    """The type's name as people write it: float16."""
    return str(dtype).removeprefix("torch.")
