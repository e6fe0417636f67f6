"""Nothing is lost, nothing is done twice, and a cancel that was promised is kept."""

from __future__ import annotations

import random
import sqlite3
import threading

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.schema.results import FINAL_STATES
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from tests.jobs.jobs import hold, result_of, submit, worker


def test_a_job_is_on_disk_once_submit_returned(queue: Queue, settings: Settings) -> None:
    job_id = queue.submit(Txt2Img(prompt="a tree", seed=7), client="browser 1")
    reopened = Queue(Database(settings.database), settings)
    job = reopened.get(job_id)
    assert (job.number, job.state, job.task, job.attempts) == (1, "queued", "txt2img", 0)
    assert Txt2Img.parse(job.request) == Txt2Img(prompt="a tree", seed=7)
    assert "browser 1" not in job.model_dump_json()
    reopened.database.close()


def test_numbers_rise_in_the_order_of_submission(queue: Queue) -> None:
    ids = submit(queue, 3)
    assert [queue.get(job_id).number for job_id in ids] == [1, 2, 3]
    assert [job.number for job in queue.list()] == [3, 2, 1]
    assert [job.number for job in queue.list(limit=1)] == [3]
    assert queue.list(["done"]) == [] and queue.list([]) == []


def test_a_full_queue_refuses_and_says_so(queue: Queue) -> None:
    submit(queue, 20)
    with pytest.raises(UserError, match="20 jobs are waiting") as caught:
        submit(queue)
    assert caught.value.code == "QUEUE_FULL"
    submit(queue, reserved_for=worker(queue, "inline"))  # drawn here and now: it does not wait in the queue
    queue.claim(worker(queue))
    submit(queue)


def test_the_oldest_is_claimed_first_and_only_once(queue: Queue) -> None:
    ids, me = submit(queue, 2), worker(queue)
    claimed = [queue.claim(me), queue.claim(me), queue.claim(me)]
    assert [job and job.id for job in claimed] == [*ids, None]
    assert claimed[0] is not None and (claimed[0].state, claimed[0].attempts) == ("running", 1)


def test_many_claimers_never_get_the_same_job(queue: Queue, settings: Settings) -> None:
    ids = submit(queue, 20)
    claimed: list[str] = []

    def claim_all(number: int) -> None:
        other = Queue(Database(settings.database), settings)  # connections of its own, as another process has
        while (job := other.claim(f"worker/here/{number}")) is not None:
            claimed.append(job.id)
        other.database.close()

    threads = [threading.Thread(target=claim_all, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


def test_a_reserved_job_waits_for_its_worker_alone(queue: Queue) -> None:
    mine, other = worker(queue, "inline"), worker(queue, "inline")
    (job_id,) = submit(queue, reserved_for=mine)
    assert queue.claim(worker(queue)) is None
    assert queue.claim(other, reserved=True) is None
    job = queue.claim(mine, reserved=True)
    assert job is not None and job.id == job_id


def test_only_a_waiting_job_can_be_reserved_later(queue: Queue) -> None:
    first, second = submit(queue, 2)
    hold(queue)
    assert not queue.reserve(first, "me")
    assert queue.reserve(second, "me")
    assert not queue.reserve(second, "you")


def test_a_look_at_an_empty_queue_writes_nothing(queue: Queue) -> None:
    connection = queue.database.connection()
    before = connection.total_changes
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_UPDATE else 0)
    assert queue.claim("worker/here/1") is None
    connection.set_authorizer(None)
    assert connection.total_changes == before


def test_a_waiting_job_is_cancelled_at_once(queue: Queue) -> None:
    (job_id,) = submit(queue)
    assert queue.cancel(job_id)
    assert queue.get(job_id).state == queue.event(job_id).state == queue.event(job_id).stage == "cancelled"
    assert queue.claim(worker(queue)) is None
    assert not queue.cancel(job_id)


def test_a_running_job_is_asked_to_stop(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    assert not queue.cancel_requested(job_id)
    assert queue.cancel(job_id) and queue.cancel(job_id)
    assert queue.cancel_requested(job_id) and queue.get(job_id).state == "running"
    assert holding.cancelled() == "cancelled"
    assert not queue.cancel(job_id)


@pytest.mark.parametrize("ending", ["finish", "fail"])
def test_a_job_that_has_ended_cannot_be_cancelled(queue: Queue, ending: str) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    state = holding.finish(result_of(job_id)) if ending == "finish" else holding.fail(UserError("NUMERIC", "x"))
    assert not queue.cancel(job_id)
    assert queue.get(job_id).state == state


def test_cancelling_what_is_not_there_is_no_error(queue: Queue) -> None:
    assert not queue.cancel("0" * 32)
    with pytest.raises(UserError, match="there is no job"):
        queue.get("0" * 32)


def test_cancel_all_spares_other_clients_and_what_has_ended(queue: Queue) -> None:
    ended, running, waiting = submit(queue, 3, client="me")
    (others,) = submit(queue, client="you")
    hold(queue).finish(result_of(ended))
    hold(queue)
    assert queue.cancel_all("me") == 2
    assert [queue.get(job_id).state for job_id in (ended, waiting, others)] == ["done", "cancelled", "queued"]
    assert queue.get(running).cancel_requested
    assert queue.cancel_all() == 2  # the running one is asked once more


def test_a_thousand_cancel_races(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two workers and two cancellers: every job ends once, and as cancelled exactly if a cancel returned True."""
    settings = Settings(home=tmp_path_factory.mktemp("races"), queue_limit=1000, lease_seconds=60)
    queue = Queue(Database(settings.database), settings)
    queue.database.connection().execute("PRAGMA synchronous = OFF")  # races, not power cuts
    ids = submit(queue, 1000)
    promised: set[str] = set()

    def work(number: int) -> None:
        queue.database.connection().execute("PRAGMA synchronous = OFF")
        me, dice = f"worker/here/{number}", random.Random(number)
        while (job := queue.claim(me)) is not None:
            holding, looks = Holding(queue, job, me), dice.randrange(3)
            if any(queue.cancel_requested(job.id) for _ in range(looks)):
                holding.cancelled()
            elif dice.random() < 0.5:
                holding.finish(result_of(job.id))
            else:
                holding.fail(UserError("NUMERIC", "x"))

    def cancel(number: int) -> None:
        queue.database.connection().execute("PRAGMA synchronous = OFF")
        # About where the workers are, a little behind or before them.
        for job_id in ids[number::4]:
            if queue.cancel(job_id):
                promised.add(job_id)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    threads += [threading.Thread(target=cancel, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = {job.id: job.state for job in queue.list(limit=1000)}
    assert set(states.values()) == FINAL_STATES  # all three occur: the race is a race
    assert {job_id for job_id, state in states.items() if state == "cancelled"} == promised
    assert all(queue.event(job_id).state == state for job_id, state in states.items())
    queue.database.close()
