"""The device that draws: which one, how much memory it has, and whether its processor is fast in bfloat16."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from functools import cache

import torch

from sdtoolbox.engine import memory
from sdtoolbox.engine.policy import SMALL, Machine
from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings

X86 = ("x86_64", "AMD64", "i386", "i686")
TRIAL_SIDE = 512


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
        """What a model of this many parameters runs in."""
        if parameters < SMALL:
            return torch.float32
        if self.torch_device.type == "cpu":
            return torch.bfloat16 if fast_bfloat16() else torch.float32
        return torch.float16

    def machine(self, settings: Settings) -> Machine:
        """What there is to choose a policy from: the budget of the settings, or what is there in all."""
        kind = self.torch_device.type
        gigabytes = settings.device_memory_gb if kind == "cuda" else settings.model_memory_gb
        budget = int(gigabytes * 2**30) or memory.total(self.torch_device)
        return Machine(kind=kind, memory=budget, fast_bfloat16=kind == "cpu" and fast_bfloat16())


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


@cache
def fast_bfloat16() -> bool:
    """Whether this CPU computes faster in bfloat16 than in float32: it has instructions for it, and a trial agrees.

    Without the instructions bfloat16 works too, twenty times slower: such a machine is not even tried.
    """
    return _has_bfloat16() and _seconds(torch.bfloat16) < _seconds(torch.float32)


def _has_bfloat16() -> bool:
    if not _library_has_bfloat16():
        return False
    # For x86 the library says yes wherever there is AVX512, and emulates what the processor lacks.
    return platform.machine() not in X86 or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _library_has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _seconds(dtype: torch.dtype) -> float:
    """The best of a few products of two matrices, about a millisecond each."""
    ones = torch.ones(TRIAL_SIDE, TRIAL_SIDE, dtype=dtype)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(ones, ones)
        times.append(time.perf_counter() - start)
    return min(times)


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
