"""A worker process leaves when it is told to or its parent is gone, and puts its job back first."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from sdtoolbox.jobs.presence import STARTING
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers.child import Child
from tests.workers.conftest import Submit


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something is so; an AssertionError if it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def child(toolbox: Toolbox) -> Iterator[Child]:
    """A worker process without a supervisor."""
    started = Child(toolbox.settings, "worker-1")
    yield started
    started.kill("the test is over")
    started.wait(5)
    started.death()


def test_it_registers_works_and_logs(toolbox: Toolbox, child: Child, submit: Submit) -> None:
    job_id = submit()
    until(lambda: toolbox.job(job_id).state == "done")
    (present,) = toolbox.queue.presence.live()
    assert (present.id, present.pid, present.device) == (child.id, child.pid, "fake")
    assert "job 1: done" in (toolbox.settings.logs / "worker-1.log").read_text()


def test_the_heartbeat_goes_on_while_it_works(toolbox: Toolbox, child: Child, submit: Submit) -> None:
    job_id = submit("slow", steps=100)  # two leases long
    until(lambda: toolbox.job(job_id).state == "running")
    leases = set()
    while toolbox.job(job_id).state == "running":
        row = toolbox.database.connection().execute("SELECT lease_until FROM jobs").fetchone()
        if row["lease_until"] is not None:
            leases.add(row["lease_until"])
            assert row["lease_until"] > time.time()
        time.sleep(0.05)
    assert toolbox.job(job_id).state == "done" and len(leases) > 3


@pytest.mark.parametrize("way", ["SIGTERM", "end of input"])
def test_a_worker_that_is_sent_away_puts_its_job_back(toolbox: Toolbox, child: Child, submit: Submit, way: str) -> None:
    job_id = submit("hang")  # an operation that never comes back to Python's main thread
    until(lambda: toolbox.event(job_id).stage == "sampling")
    began = time.monotonic()
    if way == "SIGTERM":
        os.kill(child.pid, signal.SIGTERM)
    else:
        child.ask_to_leave()
    assert child.wait(3) and time.monotonic() - began < 1
    job = toolbox.job(job_id)
    assert (job.state, job.attempts) == ("queued", 0)
    assert toolbox.queue.presence.live() == []
    assert not list((toolbox.settings.home / "workers").iterdir())


def test_ctrl_c_in_the_terminal_is_not_for_the_worker(toolbox: Toolbox, child: Child) -> None:
    assert os.getsid(child.pid) != os.getsid(0)


def test_a_worker_that_freezes_without_a_parent_ends_itself(toolbox: Toolbox, child: Child, submit: Submit) -> None:
    submit("freeze")
    until(lambda: toolbox.jobs(["running"]))
    assert child.wait(8)
    assert "fake_engine.py" in (toolbox.settings.logs / "worker-1.out").read_text()  # where it was stuck


def test_a_crash_is_logged(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", "tests.workers.fake_engine:there_is_no_such_function")
    child = Child(toolbox.settings, "worker-1")
    assert child.wait(15) and child.death() == "exit code 1"
    assert "the worker crashed" in (toolbox.settings.logs / "worker-1.log").read_text()


def test_a_worker_whose_engine_cannot_be_imported_fails_its_jobs(
    toolbox: Toolbox, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit()
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", "a_module_that_is_not_there:make")
    child = Child(toolbox.settings, "worker-1")
    until(lambda: toolbox.job(job_id).state == "failed")
    assert (toolbox.job(job_id).error or {})["code"] == "INTERNAL"
    child.ask_to_leave()
    assert child.wait(3) and child.death() == "exit code 0"


def test_a_worker_shows_that_it_is_starting(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", "time:sleep")  # sleep(parts) is a TypeError, but after registering
    child = Child(toolbox.settings, "worker-1")
    seen = set()
    while child.death() is None:
        seen |= {present.device for present in toolbox.queue.presence.live()}
    assert seen == {STARTING}


def test_what_native_code_said_does_not_grow_for_ever(toolbox: Toolbox) -> None:
    output = toolbox.settings.logs / "worker-1.out"
    output.write_bytes(b"x" * 1_000_001)
    child = Child(toolbox.settings, "worker-1")
    child.kill("over")
    child.wait(5)
    assert child.death() == "over" and output.stat().st_size < 1000
    assert (toolbox.settings.logs / "worker-1.out.old").stat().st_size == 1_000_001
    assert subprocess.run(["true"], check=True).returncode == 0
