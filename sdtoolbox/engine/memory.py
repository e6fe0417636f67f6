"""How much memory there is and what weights take of it; running out of it, said in words."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import torch
from torch import nn

from sdtoolbox.errors import UserError

T = TypeVar("T")
USUAL = 8 * 2**30
"""Bytes of main memory where nothing says how much there is."""
SIGNS = ("not enough memory", "out of memory", "can't allocate memory", "cannot allocate memory")


def within_memory(doing: str, work: Callable[[], T]) -> T:
    """The result of `work()`; OUT_OF_MEMORY if it does not fit ("not enough memory for {doing}").

    The error is raised after the `except` block: inside it the traceback would keep alive every tensor of the
    frames below.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    release()
    raise UserError(
        "OUT_OF_MEMORY",
        f"there is not enough memory for {doing}.",
        "Choose a smaller picture or a smaller batch, or close other programs that use this device.",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """True for what torch and Python raise when an allocation fails, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def release() -> None:
    """Give memory that nothing refers to any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.mps.is_available():
        torch.mps.empty_cache()


def kind_of(device: torch.device) -> str:
    """The kind of memory that a device has: its type, but for Apple's, which works in main memory."""
    return "cpu" if device.type == "mps" else device.type


def total(device: torch.device) -> int:
    """Bytes of memory that a device has for this process: what nobody else uses of a card, all of a CPU's."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + int(torch.cuda.memory_reserved(device))
    return main_memory().total


class Peak:
    """The most memory in use since this was made: on a card what torch takes of it, else what this process has."""

    def __init__(self, device: torch.device, proc: Path = Path("/proc/self")) -> None:
        self._device, self._proc = device, proc
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        with contextlib.suppress(OSError):  # not Linux: nothing is measured
            (proc / "clear_refs").write_text("5")  # proc(5): sets VmHWM back to what is resident now

    def read(self) -> int:
        """Bytes; 0 where nobody counts them."""
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_reserved(self._device))
        return _meminfo(self._proc / "status").get("VmHWM", 0)


def footprint(networks: Iterable[nn.Module]) -> dict[str, int]:
    """Bytes of weights and buffers by kind of memory, each piece of storage counted once."""
    sizes: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    for network in networks:
        for tensor in (*network.parameters(), *network.buffers()):
            place = kind_of(tensor.device), tensor.untyped_storage().data_ptr()
            if place not in seen:
                seen.add(place)
                sizes[place[0]] = sizes.get(place[0], 0) + tensor.untyped_storage().nbytes()
    return sizes


@dataclass(frozen=True, slots=True)
class MainMemory:
    """Bytes that this process may use in all, and bytes that are free now."""

    total: int
    free: int


def main_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> MainMemory:
    """What the kernel and the control group of this process allow; where neither says so, what is usual."""
    known = _meminfo(proc / "meminfo")
    memory = MainMemory(known.get("MemTotal", _installed()), known.get("MemAvailable", _installed() // 2))
    for limit_file, usage_file in _group_files(proc, groups):
        limit, usage = _number(limit_file), _number(usage_file)
        if limit is not None and limit < memory.total:
            memory = MainMemory(limit, min(memory.free, max(0, limit - (usage or 0))))
    return memory


def _meminfo(file: Path) -> dict[str, int]:
    try:
        lines = file.read_text("ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        return {}
    pairs = (line.split(":", 1) for line in lines if line.endswith(" kB"))
    return {name: int(value.removesuffix(" kB")) * 1024 for name, value in pairs}


def _group_files(proc: Path, groups: Path) -> Iterator[tuple[Path, Path]]:
    """Limit and usage of this process's group and of the groups around it, in both versions of the interface."""
    try:
        lines = (proc / "self" / "cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        second = controllers == ""
        if not second and "memory" not in controllers.split(","):
            continue
        root = groups if second else groups / "memory"
        names = ("memory.max", "memory.current") if second else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        own = PurePosixPath(path.lstrip("/"))
        for group in (own, *own.parents):  # inside a container the own path may be missing: the root is the group then
            yield root / group / names[0], root / group / names[1]


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):  # not there, or "max"
        return None


def _installed() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return USUAL
