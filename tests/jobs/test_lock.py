"""A lock is held by one, and by nobody who is gone."""

from __future__ import annotations

from pathlib import Path

from sdtoolbox.jobs.lock import ProcessLock, is_held


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.lock"
    first, second = ProcessLock(path), ProcessLock(path)
    assert not is_held(path)
    assert first.acquire() and is_held(path)
    assert not second.acquire()
    first.release()
    assert not is_held(path) and not path.exists()
    assert second.acquire()
    second.release()


def test_releasing_what_is_not_held_does_nothing(tmp_path: Path) -> None:
    holder, other = ProcessLock(tmp_path / "a.lock"), ProcessLock(tmp_path / "a.lock")
    holder.acquire()
    other.release()
    assert is_held(tmp_path / "a.lock")
    holder.release()


def test_a_file_that_nobody_holds_is_free(tmp_path: Path) -> None:
    (tmp_path / "a.lock").touch()
    assert not is_held(tmp_path / "a.lock")
