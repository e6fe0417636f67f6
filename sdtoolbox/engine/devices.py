"""The device that draws, and the precision that networks run in there."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import torch

from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings

SMALL = 100_000_000
"""Networks with fewer parameters run in float32: there the same request gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Device:
    """A torch device, ready to be used: `threads` is what torch computes with on the CPU."""

    torch_device: torch.device
    threads: int
    processor: str

    @property
    def name(self) -> str:
        """cpu, mps, cuda:0."""
        return str(self.torch_device)

    def precision(self, parameters: int) -> torch.dtype:
        """What a network of this many parameters runs in.

        bfloat16 on a CPU only where it has instructions for it: without them it is slower than float32.
        """
        if parameters < SMALL:
            return torch.float32
        if self.torch_device.type == "cpu":
            return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
        return torch.float16


def open_device(settings: Settings) -> Device:
    """The device that the settings ask for, with its threads set; PARAM_INVALID if this machine has no such one."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = torch.device(_automatic() if settings.device == "auto" else settings.device)
    if device.type == "cuda":
        device = _cuda(device, settings.device)
        torch.backends.cudnn.benchmark = False  # it would pick another algorithm from run to run
        torch.backends.cudnn.deterministic = True
        return Device(device, torch.get_num_threads(), torch.cuda.get_device_name(device))
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise _missing(settings.device)
    return Device(device, torch.get_num_threads(), f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}")


def _automatic() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cuda(device: torch.device, wanted: str) -> torch.device:
    index = device.index or 0
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise _missing(wanted)
    return torch.device("cuda", index)


def _missing(wanted: str) -> UserError:
    known = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return UserError(
        "PARAM_INVALID", f"there is no device {wanted!r} here.", f"Set device to auto or one of {', '.join(known)}."
    )
