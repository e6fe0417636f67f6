"""What went wrong in a job, in a person's words: whose fault it is and what to do next."""

from __future__ import annotations

import errno
import sqlite3

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.importing import owner_of


def explain(error: BaseException, number: int) -> UserError:
    """The error that job `number` ends with: the task's own `UserError`, or one that hides all internals."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return UserError(
            "OUT_OF_MEMORY", f"job {number} needs more memory than there is.", "Try a smaller size or batch."
        )
    if _is_disk_full(error):
        return UserError(
            "DISK_FULL", f"there is no room left on the disk for job {number}.", "Make room and try again."
        )
    if (extension := _extension_of(error)) is not None:
        return UserError(
            "EXTENSION_FAILED",
            f"the extension {extension} failed in job {number} ({type(error).__name__}).",
            "Tell its author; the log in the home folder has the details.",
        )
    return UserError(
        "INTERNAL", f"internal error, job {number}.", "The log in the home folder says more; please report it."
    )


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)


def _extension_of(error: BaseException) -> str | None:
    # The innermost frame of an extension: tasks of ours call samplers of others, and the other way round.
    found, trace = None, error.__traceback__
    while trace is not None:
        found = owner_of(str(trace.tb_frame.f_globals.get("__name__", ""))) or found
        trace = trace.tb_next
    return found
