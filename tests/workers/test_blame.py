"""An error is somebody's, and says what to do; internals stay in the log."""

from __future__ import annotations

import errno
import sqlite3

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.workers.blame import explain


class OutOfMemoryError(RuntimeError):
    """As torch names it, without torch."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "OUT_OF_MEMORY"),
        (OutOfMemoryError("CUDA out of memory"), "OUT_OF_MEMORY"),
        (OSError(errno.ENOSPC, "No space left on device", "/home/somebody/x"), "DISK_FULL"),
        (sqlite3.OperationalError("database or disk is full"), "DISK_FULL"),
        (sqlite3.OperationalError("database is locked"), "INTERNAL"),
        (OSError(errno.EACCES, "Permission denied", "/home/somebody/x"), "INTERNAL"),
        (RuntimeError("/home/somebody/secret"), "INTERNAL"),
        (SystemExit(1), "INTERNAL"),
    ],
)
def test_errors_have_the_right_code_and_no_internals(error: BaseException, code: str) -> None:
    explained = explain(error, 17)
    assert explained.code == code and "job 17" in explained.message and explained.hint
    assert "somebody" not in str(explained)


def test_a_user_error_is_taken_as_it_is() -> None:
    error = UserError("NUMERIC", "black", "try again", "seed")
    assert explain(error, 17) is error
