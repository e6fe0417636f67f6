"""A job whose worker is gone is tried once more, then given up; the living are never robbed."""

from __future__ import annotations

import threading
import time

import pytest

from sdtoolbox.jobs.queue import Queue
from sdtoolbox.jobs.recovery import Recovery
from tests.jobs.jobs import hold, submit, worker


@pytest.fixture
def recovery(queue: Queue) -> Recovery:
    return Recovery(queue)


def die(queue: Queue) -> str:
    """Claim a job and die with it; the dead worker's id."""
    holding = hold(queue)
    queue.presence.leave(holding.worker_id)
    return holding.worker_id


def test_a_living_worker_keeps_its_job(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    assert recovery.sweep() == 0
    assert holding.renew() and queue.get(job_id).state == "running"


def test_the_job_of_a_dead_worker_is_queued_again_at_once(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    dead = die(queue)
    assert recovery.sweep({dead: "signal 9"}) == 1
    event = queue.event(job_id)
    assert (event.state, event.stage, event.position) == ("queued", "queued", 0)
    assert event.message == "the worker died (signal 9); trying again, 2 of 2"
    again = hold(queue)
    assert again.job.attempts == 2
    assert queue.event(job_id).message == event.message  # a second attempt says why it is one


def test_after_two_attempts_the_job_is_given_up(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    for _ in range(2):
        recovery.sweep({die(queue): "signal 11"})
    job = queue.get(job_id)
    assert job.state == "failed" and job.error is not None and job.error["code"] == "WORKER_DIED"
    assert job.error["message"] == "job 1 was given up after 2 attempts: the worker died (signal 11)."
    assert queue.claim(worker(queue)) is None


def test_a_silent_worker_loses_its_job_when_the_lease_ends(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    time.sleep(0.1)
    assert holding.renew()
    time.sleep(0.15)
    assert recovery.sweep() == 0  # renewed
    time.sleep(0.1)
    assert recovery.sweep(dead_only=True) == 0
    assert recovery.sweep() == 1
    assert queue.event(job_id).message == "the worker stopped answering; trying again, 2 of 2"
    assert not holding.renew()


def test_a_worker_that_renews_at_the_last_moment_keeps_its_job(
    queue: Queue, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    queue.database.connection().execute("UPDATE jobs SET lease_until = 1")
    # Between the sweeper's look and its write the worker's heartbeat comes through after all.
    monkeypatch.setattr(queue.presence, "is_alive", lambda worker_id: holding.renew())
    assert recovery.sweep() == 0
    assert queue.get(job_id).state == "running"


def test_a_job_cancelled_before_its_worker_died_is_cancelled(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    queue.cancel(job_id)
    queue.presence.leave(holding.worker_id)
    recovery.sweep()
    assert queue.get(job_id).state == queue.event(job_id).state == "cancelled"


@pytest.mark.parametrize("claimed", [False, True])
def test_a_reserved_job_fails_with_the_program_that_wanted_it(queue: Queue, recovery: Recovery, claimed: bool) -> None:
    owner = worker(queue, "inline")
    (job_id,) = submit(queue, reserved_for=owner)
    if claimed:
        queue.claim(owner, reserved=True)
    assert recovery.sweep() == 0 and queue.get(job_id).state == ("running" if claimed else "queued")
    queue.presence.leave(owner)
    recovery.sweep()
    job = queue.get(job_id)
    assert job.state == "failed" and job.error is not None and job.error["code"] == "INTERRUPTED"


def test_what_a_crash_left_interrupted_is_settled(queue: Queue, recovery: Recovery) -> None:
    (job_id,) = submit(queue)
    die(queue)
    queue.database.connection().execute("UPDATE jobs SET state = 'interrupted', worker = NULL")
    assert queue.cancel(job_id) is True
    assert queue.get(job_id).state == "cancelled"
    (other,) = submit(queue)
    die(queue)
    queue.database.connection().execute("UPDATE jobs SET state = 'interrupted', worker = NULL WHERE id = ?", (other,))
    assert recovery.sweep() == 0
    assert queue.get(other).state == "queued"


def test_many_sweepers_take_a_job_back_once(queue: Queue) -> None:
    ids = submit(queue, 10)
    for _ in ids:
        die(queue)
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: taken.append(Recovery(queue).sweep())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 10
    assert [queue.get(job_id).attempts for job_id in ids] == [1] * 10
    assert {queue.get(job_id).state for job_id in ids} == {"queued"}
