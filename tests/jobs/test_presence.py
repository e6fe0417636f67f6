"""Who lives is known from a lock, not from a process id; who lives elsewhere, from the heartbeat."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.settings import Settings
from tests.jobs.jobs import worker

ROOT = Path(__file__).resolve().parent.parent.parent
ENTER_AND_WAIT = """
import sys, time
from sdtoolbox.database import Database
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.settings import Settings
settings = Settings(home=sys.argv[1])
Queue(Database(settings.database), settings).presence.enter(sys.argv[2], "cpu")
print("entered", flush=True)
time.sleep(60)
"""


def test_a_worker_is_there_until_it_leaves(queue: Queue) -> None:
    me = worker(queue)
    (present,) = queue.presence.live()
    assert (present.id, present.device, present.pid) == (me, "cpu", os.getpid())
    queue.presence.beat(me, "cuda:0")
    assert queue.presence.live()[0].device == "cuda:0"
    queue.presence.leave(me)
    assert queue.presence.live() == [] and not queue.presence.is_alive(me)


def test_inline_workers_live_but_take_nobodys_jobs(queue: Queue) -> None:
    me = worker(queue, "inline")
    assert queue.presence.is_alive(me) and queue.presence.live() == []


def test_two_workers_cannot_have_one_id(queue: Queue) -> None:
    me = worker(queue)
    with pytest.raises(RuntimeError, match="already"):
        queue.presence.enter(me, "cpu")


def test_a_killed_process_is_dead_at_once(queue: Queue, settings: Settings) -> None:
    me = new_worker_id("worker") + "dead"
    command = [sys.executable, "-c", ENTER_AND_WAIT, str(settings.home), me]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stdout.readline() == "entered\n"
        assert queue.presence.is_alive(me)
        process.kill()
    assert not queue.presence.is_alive(me)
    queue.presence.forget_dead()
    assert queue.presence.find(me) is None and not list((settings.home / "workers").glob("*dead*"))


def test_a_process_id_used_again_proves_nothing(queue: Queue) -> None:
    me = worker(queue)
    queue.presence.leave(me)
    queue.database.connection().execute("INSERT INTO workers VALUES (?, 'cpu', ?, ?)", (me, os.getpid(), time.time()))
    assert not queue.presence.is_alive(me)


def test_a_worker_on_another_machine_lives_by_its_heartbeat(queue: Queue) -> None:
    stranger = "worker/another-machine/1"
    connection = queue.database.connection()
    connection.execute("INSERT INTO workers VALUES (?, 'cpu', 1, ?)", (stranger, time.time()))
    assert queue.presence.is_alive(stranger) and len(queue.presence.live()) == 1
    connection.execute("UPDATE workers SET seen = ?", (time.time() - 1,))  # five leases ago
    assert not queue.presence.is_alive(stranger)
    queue.presence.forget_dead()
    assert queue.presence.find(stranger) is not None  # it may come back
    connection.execute("UPDATE workers SET seen = ?", (time.time() - 10,))
    queue.presence.forget_dead()
    assert queue.presence.find(stranger) is None
