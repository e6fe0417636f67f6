"""Configurations and sidecars: files that should be small and plain, and may be anything where strangers put them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

LARGEST_CONFIG: Final = 1 << 20  # bytes


def read_small(file: Path, limit: int) -> bytes:
    """The content of a plain file; OSError for a pipe or a device, ValueError for more than `limit` bytes."""
    if not stat.S_ISREG(os.stat(file).st_mode):  # before opening: opening a pipe would wait for its other end
        raise OSError(f"{file.name} is a pipe, a socket or a device, not a file")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(file, flags), "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{file.name} is longer than {limit} bytes")
    return content


def read_config(file: Path) -> dict[str, Any]:
    """The content of a configuration, a JSON object; OSError as `read_small`, ValueError for anything else."""
    try:
        values = json.loads(read_small(file, LARGEST_CONFIG))
    except RecursionError:
        raise ValueError(f"{file.name} is nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"{file.name} is not an object")
    return values
