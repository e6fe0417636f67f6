"""Running out of memory, said in words and without keeping what was in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from sdtoolbox.errors import UserError

T = TypeVar("T")
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
