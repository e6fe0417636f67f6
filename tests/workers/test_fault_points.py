"""A worker killed at each point of the save order: one end for the job, whole files, the same pixels."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox

POINTS = ["step", "save.before_rename", "save.after_rename", "save.before_row", "save.after_row", "finish.before_row"]
VALUES = {"prompt": "a tree", "checkpoint": "fake", "seed": 5, "batch_count": 2}


def draw(toolbox: Toolbox) -> list[str]:
    """The ids of the pictures, which are hashes of their bytes."""
    job_id = toolbox.submit(toolbox.parse("txt2img", VALUES))
    last = list(toolbox.watch(job_id))[-1]
    assert last.state == "done", last.message
    return [picture.id for picture in toolbox.result(job_id).pictures]


def check_whole(toolbox: Toolbox) -> None:
    """Every invariant of a home folder after a fault."""
    connection = toolbox.database.connection()
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert {job.state for job in toolbox.jobs()} <= {"done", "failed"}
    rows = connection.execute("SELECT id, path FROM pictures").fetchall()
    for row in rows:
        with Image.open(toolbox.picture_path(row["id"])) as image:
            image.load()
    files = [path for path in toolbox.settings.outputs.rglob("*") if path.is_file()]
    halves = [path for path in files if path.suffix == ".part"]
    for path in halves:  # the store spares what may still be being written
        os.utime(path, (time.time() - 120,) * 2)
    toolbox.store.reconcile()
    assert {path.relative_to(toolbox.settings.outputs).as_posix() for path in files if path not in halves} == {
        row["path"] for row in rows
    }
    assert not list(toolbox.settings.outputs.rglob("*.part"))


@pytest.mark.parametrize("point", [*POINTS, "finish.after_row"])
def test_killed_at(point: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "once").mkdir()
    monkeypatch.setenv("SDTOOLBOX_FAULTS_ONCE", str(tmp_path / "once"))
    monkeypatch.setenv("SDTOOLBOX_FAULTS", f"{point}=kill9")
    with Toolbox.open(settings) as toolbox:
        toolbox.start_workers()
        first, again = draw(toolbox), draw(toolbox)
        assert (tmp_path / "once" / point).exists()  # it did happen
        assert first == again and len(first) == 2
        # After its last row the job is done: the death of its worker comes too late to matter.
        assert [job.attempts for job in toolbox.jobs()] == [1, 1 if point == "finish.after_row" else 2]
        check_whole(toolbox)


def test_killed_every_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_FAULTS", "save.after_rename=kill9")
    with Toolbox.open(settings) as toolbox:
        toolbox.start_workers()
        job_id = toolbox.submit(toolbox.parse("txt2img", VALUES))
        assert list(toolbox.watch(job_id))[-1].state == "failed"
        assert (toolbox.job(job_id).error or {})["code"] == "WORKER_DIED"
        assert toolbox.queue.pictures(job_id) == []


@pytest.mark.parametrize(("point", "action", "code"), [
    ("save.before_rename", "disk_full", "DISK_FULL"),
    ("step", "out_of_memory", "OUT_OF_MEMORY"),
    ("save.before_row", "raise", "INTERNAL"),
])  # fmt: skip
def test_a_fault_that_raises_fails_the_job_and_the_next_one_is_as_before(
    point: str, action: str, code: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "once").mkdir()
    monkeypatch.setenv("SDTOOLBOX_FAULTS_ONCE", str(tmp_path / "once"))
    monkeypatch.setenv("SDTOOLBOX_FAULTS", f"{point}={action}")
    with Toolbox.open(settings) as toolbox:
        supervisor = toolbox.start_workers()
        job_id = toolbox.submit(toolbox.parse("txt2img", VALUES))
        assert list(toolbox.watch(job_id))[-1].state == "failed"
        assert (toolbox.job(job_id).error or {})["code"] == code
        (worker,) = supervisor.children()
        assert draw(toolbox) == draw(toolbox)
        assert supervisor.children() == [worker]  # the same process
