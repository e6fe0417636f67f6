"""Who holds a job may end it, once; who lost it changes nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.store import ImageStore
from sdtoolbox.jobs.holding import Holding, JobLostError
from sdtoolbox.jobs.queue import Queue
from tests.jobs.jobs import hold, result_of, submit, worker


@pytest.fixture
def store(queue: Queue, tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "outputs", queue.database)


def test_a_finished_job_keeps_its_result_and_drops_its_preview(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    holding.publish({"stage": "sampling", "step": 3, "steps": 8, "fraction": 0.4}, b"a preview")
    holding.publish({"step": 4})
    event = queue.event(job_id)
    assert (event.step, event.steps, event.has_preview, queue.preview(job_id)) == (4, 8, True, b"a preview")
    assert holding.finish(result_of(job_id)) == "done"
    job, event = queue.get(job_id), queue.event(job_id)
    assert job.result == result_of(job_id) and job.finished is not None
    assert (event.state, event.stage, event.fraction, event.eta_seconds) == ("done", "done", 1.0, 0.0)
    assert not event.has_preview and queue.preview(job_id) is None


def test_a_failed_job_keeps_its_error_and_how_far_it_came(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    holding.publish({"fraction": 0.4})
    error = UserError("NUMERIC", "the picture came out black.", "Try another seed.", "seed")
    assert holding.fail(error) == "failed"
    assert queue.get(job_id).error == queue.event(job_id).error == error.as_dict()
    assert (queue.event(job_id).fraction, queue.event(job_id).message) == (0.4, str(error))


def test_a_cancel_in_time_beats_the_end(queue: Queue) -> None:
    first, second = submit(queue, 2)
    for job_id in (first, second):
        holding = hold(queue)
        queue.cancel(job_id)
        ended = holding.finish(result_of(job_id)) if job_id == first else holding.fail(UserError("NUMERIC", "x"))
        job = queue.get(job_id)
        assert (ended, job.state, job.result, job.error) == ("cancelled", "cancelled", None, None)


def test_the_first_end_counts(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    holding.finish(result_of(job_id))
    assert holding.fail(UserError("NUMERIC", "x")) is None
    assert holding.cancelled() is None
    assert queue.get(job_id).state == "done"


def test_who_lost_the_job_changes_nothing(queue: Queue, store: ImageStore) -> None:
    (job_id,) = submit(queue)
    mine = hold(queue)
    assert mine.give_back()
    other = hold(queue)  # somebody else draws it now
    other.publish({"fraction": 0.5})
    stored = store.write([b"png"], width=1, height=1, request={}, stem="a")
    assert not mine.renew() and not mine.give_back()
    assert mine.finish(result_of(job_id)) is mine.fail(UserError("NUMERIC", "x")) is mine.cancelled() is None
    with pytest.raises(JobLostError):
        mine.publish({"fraction": 0.9})
    with pytest.raises(JobLostError):
        mine.add_picture(0, stored, store)
    assert queue.event(job_id).fraction == 0.5 and queue.pictures(job_id) == []
    assert other.renew()


def test_a_job_given_back_keeps_its_place_and_its_attempts(queue: Queue) -> None:
    ids = submit(queue, 2)
    assert hold(queue).give_back()
    event = queue.event(ids[0])
    assert (event.state, event.position, event.message) == ("queued", 0, "the server stopped; it will be drawn later")
    again = hold(queue).job
    assert (again.id, again.attempts, queue.event(ids[0]).message) == (ids[0], 1, "")


def test_a_cancelled_job_is_not_given_back(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    queue.cancel(job_id)
    assert holding.give_back()
    assert queue.get(job_id).state == "cancelled"


def test_pictures_are_visible_at_once_and_replaced_by_a_second_attempt(queue: Queue, store: ImageStore) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    pictures = [store.write([bytes([i])], width=1, height=1, request={"i": i}, stem=str(i)) for i in range(3)]
    for position in (0, 1):
        holding.add_picture(position, pictures[position], store)
    assert queue.pictures(job_id) == [pictures[0].id, pictures[1].id]
    holding.give_back()
    again = Holding(queue, *_claimed(queue))
    again.add_picture(0, pictures[0], store)
    again.add_picture(1, pictures[2], store)
    assert queue.pictures(job_id) == [pictures[0].id, pictures[2].id]
    again.cancelled()
    assert store.path(queue.pictures(job_id)[0]).read_bytes() == b"\0"


def _claimed(queue: Queue) -> tuple:  # type: ignore[type-arg]
    me = worker(queue)
    return queue.claim(me), me
