"""Whatever happens to a worker, only its job notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers.supervisor import HEALTHY_SECONDS, LONGEST_BACK_OFF, Slot, Supervisor
from tests.workers.conftest import Submit
from tests.workers.test_process import until

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def supervisor(toolbox: Toolbox) -> Iterator[Supervisor]:
    """A running one, impatient with jobs that do not react to cancelling."""
    running = Supervisor(toolbox._parts, cancel_grace=0.5)
    running.start()
    yield running
    running.stop()
    assert running.children() == [] or all(not alive(child.pid) for child in running.children())


def alive(pid: int) -> bool:
    """Whether a process of ours runs; not as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_jobs_are_done_one_after_another(toolbox: Toolbox, supervisor: Supervisor, submit: Submit) -> None:
    ids = [submit(seed=seed) for seed in range(3)]
    assert [list(toolbox.watch(job_id))[-1].state for job_id in ids] == ["done"] * 3
    assert toolbox.live_workers() == 1


@pytest.mark.parametrize(("word", "number"), [("die", 9), ("segfault", 11)])
def test_a_job_that_kills_its_worker_is_tried_twice_and_the_next_one_runs(
    toolbox: Toolbox, supervisor: Supervisor, submit: Submit, word: str, number: int
) -> None:
    bad, good = submit(word), submit("good")
    messages = [event.message for event in toolbox.watch(bad)]
    assert any(f"the worker died (signal {number}, " in text and "trying again, 2 of 2" in text for text in messages)
    with pytest.raises(UserError, match=f"given up after 2 attempts: the worker died \\(signal {number}") as caught:
        toolbox.result(bad)
    assert caught.value.code == "WORKER_DIED"
    assert list(toolbox.watch(good))[-1].state == "done"


def test_a_killed_worker_costs_nothing_but_time(toolbox: Toolbox, supervisor: Supervisor, submit: Submit) -> None:
    job_id, after = submit("slow", steps=30), submit("after")
    until(lambda: toolbox.event(job_id).stage == "sampling")
    os.kill(supervisor.children()[0].pid, signal.SIGKILL)
    assert list(toolbox.watch(job_id))[-1].state == "done" and toolbox.job(job_id).attempts == 2
    assert list(toolbox.watch(after))[-1].state == "done"


def test_an_operation_that_never_returns_is_cancelled_by_force(
    toolbox: Toolbox, supervisor: Supervisor, submit: Submit
) -> None:
    job_id, after = submit("hang"), submit("after")
    until(lambda: toolbox.event(job_id).stage == "sampling")
    began = time.monotonic()
    assert toolbox.cancel(job_id)
    assert list(toolbox.watch(job_id))[-1].state == "cancelled" and time.monotonic() - began < 5
    assert list(toolbox.watch(after))[-1].state == "done"


def test_a_frozen_worker_is_replaced(
    toolbox: Toolbox, supervisor: Supervisor, submit: Submit, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = submit("freeze")
    until(lambda: toolbox.event(job_id).state == "running")
    frozen = supervisor.children()[0].pid
    until(lambda: "trying again" in toolbox.event(job_id).message)
    toolbox.cancel(job_id)
    until(lambda: not alive(frozen))
    until(lambda: "it did not answer any more" in caplog.text)
    until(lambda: toolbox.job(job_id).state == "cancelled")
    until(lambda: bool(supervisor.children()))
    assert supervisor.children()[0].pid != frozen


def test_stopping_is_quick_and_leaves_nobody(toolbox: Toolbox, supervisor: Supervisor, submit: Submit) -> None:
    job_id = submit("slow", steps=1000)
    until(lambda: toolbox.event(job_id).stage == "sampling")
    pid = supervisor.children()[0].pid
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 1 and not alive(pid)
    job = toolbox.job(job_id)
    assert (job.state, job.attempts) == ("queued", 0)
    assert toolbox.live_workers() == 0


def test_a_worker_that_cannot_leave_is_killed_when_the_server_stops(
    toolbox: Toolbox, supervisor: Supervisor, submit: Submit
) -> None:
    job_id = submit("freeze")
    until(lambda: toolbox.event(job_id).stage == "sampling")
    time.sleep(0.1)
    pid = supervisor.children()[0].pid
    supervisor.stop()
    assert not alive(pid) and toolbox.job(job_id).state == "queued"


def test_restarts_come_later_and_later_while_workers_die_young() -> None:
    slot, waits = Slot("worker-1"), []
    for _ in range(12):
        slot.bury(now=100.0)
        waits.append(slot.start_at - 100)
    assert waits == sorted(waits) and waits[0] < 0.5 and waits[-1] == LONGEST_BACK_OFF


def test_a_worker_that_lived_long_is_replaced_at_once() -> None:
    slot = Slot("worker-1")
    for _ in range(5):
        slot.bury(now=100.0)
    slot.child = type("Old", (), {"began": 100.0})()
    slot.bury(now=100.0 + HEALTHY_SECONDS + 1)
    assert slot.start_at - (100.0 + HEALTHY_SECONDS + 1) < 0.5


SERVER = """
import sys, time
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
settings = Settings(home=sys.argv[1], model_folders=(sys.argv[2],), safe_mode=True, lease_seconds=30)
toolbox = Toolbox.open(settings)
supervisor = toolbox.start_workers()
for seed in range(4):
    request = toolbox.parse("txt2img", {"prompt": "slow", "steps": 40, "seed": seed, "checkpoint": "fake"})
    print(toolbox.submit(request), flush=True)
while not supervisor.children():
    time.sleep(0.01)
print(supervisor.children()[0].pid, flush=True)
time.sleep(60)
"""


def test_a_killed_server_loses_no_job(settings: Settings) -> None:
    command = [sys.executable, "-c", SERVER, str(settings.home), str(settings.model_folders[0])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        ids = [server.stdout.readline().strip() for _ in range(4)]
        worker = int(server.stdout.readline())
        with Toolbox.open(settings) as watcher:
            until(lambda: watcher.event(ids[0]).stage == "sampling")
            server.kill()
            server.wait()
            until(lambda: not alive(worker), seconds=5)  # its workers go with it
    began = time.monotonic()
    with Toolbox.open(settings) as restarted:
        restarted.start_workers()
        states = [list(restarted.watch(job_id))[-1].state for job_id in ids]
        assert states == ["done"] * 4
        assert time.monotonic() - began < 20  # nobody waited for the dead one's lease of 30 s
        assert restarted.job(ids[0]).attempts == 1  # it was not the job's fault


def test_two_servers_share_one_folder(settings: Settings) -> None:
    with Toolbox.open(settings) as one, Toolbox.open(settings) as two:
        one.start_workers(), two.start_workers()
        until(lambda: one.live_workers() == 2)
        requests = [one.parse("txt2img", {"checkpoint": "fake", "seed": seed}) for seed in range(12)]
        ids = [(one, two)[i % 2].submit(request) for i, request in enumerate(requests)]
        assert [list(two.watch(job_id))[-1].state for job_id in ids] == ["done"] * 12
        assert {one.job(job_id).attempts for job_id in ids} == {1}
