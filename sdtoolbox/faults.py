"""Named points at which a test can make the process die, raise or hang; nothing at all unless it asks for that.

`SDTOOLBOX_FAULTS="save.after_rename=kill9,step=hang"` names the points and what happens there. With
`SDTOOLBOX_FAULTS_ONCE=<folder>` each point acts once, whichever process comes first: a job that is tried again
gets through.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def reach(point: str) -> None:
    """Say that the program has come to `point`; ValueError if the environment asks for an unknown action."""
    wanted = os.environ.get("SDTOOLBOX_FAULTS")
    if not wanted:
        return
    plan = dict(pair.strip().split("=", 1) for pair in wanted.split(","))
    if point not in plan:
        return
    if plan[point] not in ACTIONS:
        raise ValueError(f"SDTOOLBOX_FAULTS has no action {plan[point]!r}; there are: {', '.join(ACTIONS)}")
    if _first_time(point):
        ACTIONS[plan[point]]()


def _first_time(point: str) -> bool:
    folder = os.environ.get("SDTOOLBOX_FAULTS_ONCE")
    if not folder:
        return True
    try:
        Path(folder, point).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _die(name: str) -> Callable[[], None]:
    def die() -> None:
        os.kill(os.getpid(), getattr(signal, name))
        time.sleep(60)  # the signal may take a moment to arrive; nothing after the point may run

    return die


def _disk_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _out_of_memory() -> None:
    raise MemoryError


def _raise() -> None:
    raise RuntimeError("a fault was asked for")


def _hang() -> None:
    time.sleep(3600)


ACTIONS: dict[str, Callable[[], None]] = {
    "kill9": _die("SIGKILL" if hasattr(signal, "SIGKILL") else "SIGTERM"),
    "segfault": _die("SIGSEGV"),
    "disk_full": _disk_full,
    "out_of_memory": _out_of_memory,
    "raise": _raise,
    "hang": _hang,
}
