from __future__ import annotations

import gc
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from sdtoolbox.engine.memory import MainMemory, Peak, footprint, kind_of, main_memory, total, within_memory
from sdtoolbox.errors import UserError


def test_apples_devices_work_in_main_memory() -> None:
    kinds = {name: kind_of(torch.device(name)) for name in ("cpu", "mps", "cuda:1")}
    assert kinds == {"cpu": "cpu", "mps": "cpu", "cuda:1": "cuda"}
    weight = SimpleNamespace(device=torch.device("mps"), untyped_storage=torch.zeros(4).untyped_storage)
    network: Any = SimpleNamespace(parameters=lambda: [weight], buffers=list)
    assert footprint([network]) == {"cpu": 16}


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 400 bytes."),
        MemoryError(),
    ],
)
def test_a_failed_allocation_is_said_in_words_and_frees_its_tensors(error: Exception) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        large = torch.zeros(10)
        held.append(weakref.ref(large))
        raise error

    with pytest.raises(UserError, match="for a picture") as caught:
        within_memory("a picture", work)
    error.__traceback__ = None  # the parameter of this test keeps the error itself alive
    gc.collect()
    assert caught.value.code == "OUT_OF_MEMORY"
    assert caught.value.__context__ is None
    assert held[0]() is None


def test_a_real_allocation_that_fails() -> None:
    with pytest.raises(UserError, match="for the moon"):
        within_memory("the moon", lambda: torch.empty(10**16))


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        within_memory("a picture", lambda: (_ for _ in ()).throw(RuntimeError("shapes do not match")))
    assert within_memory("a picture", lambda: 5) == 5


MEMINFO = "MemTotal:       24000000 kB\nMemFree: 5 kB\nMemAvailable:   20000000 kB\nHugePages_Total:       0\n"
KB = 1024


def machine(folder: Path, cgroup: str, limits: dict[str, str]) -> MainMemory:
    """What is measured where these files are all that the kernel says."""
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "meminfo").write_text(MEMINFO)
    (folder / "proc" / "self" / "cgroup").write_text(cgroup)
    for name, text in limits.items():
        (folder / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "groups" / name).write_text(text + "\n")
    return main_memory(folder / "proc", folder / "groups")


ALL = MainMemory(24_000_000 * KB, 20_000_000 * KB)


@pytest.mark.parametrize(
    ("cgroup", "limits", "expected"),
    [
        ("0::/\n", {}, ALL),
        ("0::/\n", {"memory.max": "max", "memory.current": "7"}, ALL),
        ("0::/\n", {"memory.max": "1000", "memory.current": "700"}, MainMemory(1000, 300)),
        ("0::/a/b\n", {"memory.max": "2000", "a/memory.max": "1000", "a/memory.current": "1500"}, MainMemory(1000, 0)),
        ("0::/not/seen/from/here\n", {"memory.max": "1000", "memory.current": "1"}, MainMemory(1000, 999)),
        ("9:cpu:/x\n4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "1000"}, MainMemory(1000, 1000)),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": str(2**63 - 4096)}, ALL),
    ],
)
def test_main_memory_is_what_kernel_and_control_group_allow(
    cgroup: str, limits: dict[str, str], expected: MainMemory, tmp_path: Path
) -> None:
    assert machine(tmp_path, cgroup, limits) == expected


def test_where_nothing_is_said_something_usual_is_assumed(tmp_path: Path) -> None:
    memory = main_memory(tmp_path / "no proc", tmp_path / "no groups")
    assert memory.total >= memory.free > 2**28
    assert total(torch.device("cpu")) > 2**28


def test_a_footprint_counts_weights_and_buffers_once() -> None:
    one, other = nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False)
    other.weight = one.weight
    other.register_buffer("table", torch.zeros(5, dtype=torch.float16))
    other.register_buffer("view", other.table[:2])  # type: ignore[index]
    assert footprint([one, other]) == {"cpu": 400 + 10}
    assert footprint([]) == {}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux counts the peak of a process")
def test_the_peak_begins_anew_and_counts_what_was_freed_again() -> None:
    first = Peak(torch.device("cpu"))
    torch.ones(50_000_000).sum()  # 200 MB, gone at once
    before = first.read()
    second = Peak(torch.device("cpu"))
    assert before - second.read() > 100e6


def test_a_peak_that_nobody_counts_is_0(tmp_path: Path) -> None:
    assert Peak(torch.device("cpu"), tmp_path / "no such folder").read() == 0
