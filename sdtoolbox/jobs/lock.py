"""A lock that the operating system gives back when its holder dies, however it dies: proof that a process lives."""

from __future__ import annotations

import os
from pathlib import Path

if os.name == "nt":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ProcessLock:
    """An exclusive lock on a file. Process ids are used again by others, such a lock is not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if somebody holds it, in this process or another."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the lock back and remove its file; nothing happens if it is not held."""
        if self._handle is not None:
            # Windows cannot remove an open file; elsewhere the order leaves no moment in which a stranger holds it.
            if os.name != "nt":
                self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None
            if os.name == "nt":
                self.path.unlink(missing_ok=True)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on this file; a file that is not there is held by nobody."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _take(handle)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
