"""Room for pictures that are larger than a process should hold in its memory."""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np

from sdtoolbox.errors import UserError

IN_MEMORY = 2**28
"""Bytes from which on a picture lies in a file of its own, which no folder lists and the system pages out."""


def canvas(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array to be filled; a large one lies in a temporary file. UserError DISK_FULL if there is no room for it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < IN_MEMORY:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile() as file:  # on Linux and macOS the mapping outlives the name
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # else a disk that is full kills the process, when it is written to
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        said = f"there is no room for a picture of {size / 2**30:.1f} GB: {error.strerror}."
        hint = "Make room in the folder for temporary files, or choose a smaller size."
        raise UserError("DISK_FULL", said, hint) from None
