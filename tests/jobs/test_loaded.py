"""What workers hold is seen by every process, and is gone when the worker is."""

from __future__ import annotations

import pytest

from sdtoolbox.jobs.loaded import Loaded, LoadedModels
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.models.held import Held
from tests.jobs.jobs import worker

BASE = Held("b" * 32, "base", 2_000, leased=True)
STYLE = Held("a" * 32, "style", 10, leased=False)


@pytest.fixture
def table(queue: Queue) -> LoadedModels:
    """An empty table."""
    return LoadedModels(queue.database)


def test_what_is_published_is_listed(queue: Queue, table: LoadedModels) -> None:
    me = worker(queue)
    table.publish(me, [STYLE, BASE])
    assert table.list() == [
        Loaded(me, "cpu", BASE.model_id, "base", 2_000, True),
        Loaded(me, "cpu", STYLE.model_id, "style", 10, False),
    ]
    table.publish(me, [Held(BASE.model_id, "base", 2_500, leased=False)])
    assert table.list() == [Loaded(me, "cpu", BASE.model_id, "base", 2_500, False)]
    table.publish(me, [])
    assert table.list() == []


def test_each_worker_speaks_for_itself(queue: Queue, table: LoadedModels) -> None:
    one, other = worker(queue), worker(queue, "inline")
    table.publish(one, [BASE])
    table.publish(other, [BASE, STYLE])
    table.publish(one, [])
    assert {row.worker_id for row in table.list()} == {other}


def test_the_rows_of_a_worker_that_left_are_gone_and_stay_away(queue: Queue, table: LoadedModels) -> None:
    me = worker(queue)
    table.publish(me, [BASE])
    queue.presence.leave(me)
    assert table.list() == []
    table.publish(me, [BASE])
    assert table.list() == []


def test_the_rows_of_a_dead_worker_go_with_it(queue: Queue, table: LoadedModels) -> None:
    me = worker(queue)
    table.publish(me, [BASE])
    queue.presence._locks[me].release()
    queue.presence.forget_dead()
    assert table.list() == []


def test_unloading_is_wanted_of_all_who_have_it_until_they_have_not(queue: Queue, table: LoadedModels) -> None:
    one, other, third = worker(queue), worker(queue), worker(queue)
    table.publish(one, [BASE])
    table.publish(other, [BASE, STYLE])
    table.publish(third, [STYLE])
    assert table.request_unload(BASE.model_id)
    table.publish(one, [Held(BASE.model_id, "base", 2_000, leased=False)])  # the job has ended meanwhile
    assert [table.wanted_unloads(each) for each in (one, other, third)] == [[BASE.model_id], [BASE.model_id], []]
    table.publish(one, [])
    table.publish(one, [BASE])  # loaded again: nobody wants this one gone
    assert table.wanted_unloads(one) == []


def test_nobody_is_asked_for_what_nobody_has(queue: Queue, table: LoadedModels) -> None:
    table.publish(worker(queue), [STYLE])
    assert not table.request_unload(BASE.model_id)
    assert not table.request_unload("' OR 1=1 --")
