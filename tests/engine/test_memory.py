from __future__ import annotations

import gc
import weakref

import pytest
import torch

from sdtoolbox.engine.memory import within_memory
from sdtoolbox.errors import UserError


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
