"""Calls of hooks are counted for all processes; failures in a row put one off, and only of the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.jobs.hook_times import HookTime, HookTimes
from sdtoolbox.registered import HookInfo
from sdtoolbox.registry import Entry


def entry(sha256: str = "1") -> Entry[HookInfo]:
    return Entry("mine.done.told", "mine.told (done)", "mine", HookInfo(print, "done", "", sha256))


@pytest.fixture
def times(tmp_path: Path) -> HookTimes:
    return HookTimes(Database(tmp_path / "a.sqlite3"))


def test_calls_add_up(times: HookTimes, tmp_path: Path) -> None:
    assert times.of(entry()) == HookTime("mine", "told", "done")
    times.add(entry(), 0.5)
    HookTimes(Database(tmp_path / "a.sqlite3")).add(entry(), 0.25, "ValueError: no")
    assert times.of(entry()) == HookTime("mine", "told", "done", 2, 0.75, 1, False, "ValueError: no")


def test_failures_in_a_row_put_it_off(times: HookTimes) -> None:
    for failure in ("a", "b", "", "c", "d"):
        times.add(entry(), 0.0, failure)
        assert not times.of(entry()).skipped
    times.add(entry(), 0.0, "e")
    assert times.of(entry()).skipped
    assert not times.of(entry("2")).skipped  # other files: it may be mended
    times.add(entry("2"), 0.0, "f")
    assert not times.of(entry("2")).skipped
    times.forgive()
    assert not times.of(entry()).skipped


def test_a_database_that_cannot_be_written_fails_no_job(times: HookTimes, tmp_path: Path) -> None:
    times._database.connection().execute("PRAGMA query_only = ON")
    times.add(entry(), 1.0)
    assert times.of(entry()).calls == 0
