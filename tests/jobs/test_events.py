"""Any process may watch any job at any time, and hears the end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.schema.results import Event
from sdtoolbox.settings import Settings
from tests.jobs.jobs import hold, result_of, submit

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_watcher_sees_where_it_is_then_each_change_then_the_end(queue: Queue) -> None:
    ahead, job_id = submit(queue, 2)
    watching = queue.watch(job_id, poll=0)
    seen = [next(watching)]
    queue.cancel(ahead)  # a change of place alone is an event too
    seen.append(next(watching))
    holding = hold(queue)
    seen.append(next(watching))
    holding.publish({"stage": "sampling", "fraction": 0.5})
    seen.append(next(watching))
    holding.finish(result_of(job_id))
    seen += list(watching)
    assert [(event.stage, event.position) for event in seen] == [
        ("queued", 1),
        ("queued", 0),
        ("loading", None),
        ("sampling", None),
        ("done", None),
    ]
    sequences = [event.sequence for event in seen]
    assert sequences == sorted(sequences) and len(set(sequences[1:])) == 4


def test_the_end_of_a_finished_job_can_still_be_watched(queue: Queue) -> None:
    (job_id,) = submit(queue)
    queue.cancel(job_id)
    assert [event.state for event in queue.watch(job_id)] == ["cancelled"]


def test_watching_goes_on_over_a_restart(queue: Queue, settings: Settings) -> None:
    (job_id,) = submit(queue)
    before = next(queue.watch(job_id))
    restarted = Queue(Database(settings.database), settings)
    hold(restarted).finish(result_of(job_id))
    after = list(restarted.watch(job_id))[-1]
    assert after.state == "done" and after.sequence > before.sequence
    restarted.database.close()


def test_event_loops_watch_without_blocking(queue: Queue) -> None:
    (job_id,) = submit(queue)
    turns = 0

    async def watch() -> list[Event]:
        return [event async for event in queue.awatch(job_id, poll=0.01)]

    async def both() -> list[Event]:
        nonlocal turns
        task = asyncio.create_task(watch())
        while not task.done():
            await asyncio.sleep(0.01)
            turns += 1
            if turns == 5:
                hold(queue).finish(result_of(job_id))
        return await task

    events = asyncio.run(both())
    assert [event.state for event in events] == ["queued", "done"] and turns > 5


def test_another_process_watches(queue: Queue, settings: Settings) -> None:
    (job_id,) = submit(queue)
    code = (
        "import sys\nfrom sdtoolbox.database import Database\nfrom sdtoolbox.jobs.queue import Queue\n"
        "from sdtoolbox.settings import Settings\nsettings = Settings(home=sys.argv[1])\n"
        "for event in Queue(Database(settings.database), settings).watch(sys.argv[2], poll=0.01):\n"
        "    print(event.model_dump_json(), flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(settings.home), job_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "queued"
        hold(queue).finish(result_of(job_id))
        states = [json.loads(line)["state"] for line in process.stdout]
    assert states[-1] == "done" and process.returncode == 0


def test_idle_is_called_while_nothing_happens(queue: Queue) -> None:
    (job_id,) = submit(queue)
    calls = []

    def idle() -> None:
        calls.append(1)
        if len(calls) == 3:
            queue.cancel(job_id)

    assert [event.state for event in queue.watch(job_id, poll=0, idle=idle)] == ["queued", "cancelled"]


def test_a_job_that_is_not_there_cannot_be_watched(queue: Queue) -> None:
    with pytest.raises(UserError, match="there is no job") as caught:
        next(queue.watch("0" * 32))
    assert caught.value.code == "JOB_MISSING" and queue.preview("0" * 32) is None


def test_many_watchers_and_one_writer_do_not_wait_for_each_other(queue: Queue) -> None:
    (job_id,) = submit(queue)
    holding = hold(queue)
    ends: list[str] = []
    threads = [
        threading.Thread(target=lambda: ends.append(list(queue.watch(job_id, poll=0.001))[-1].state)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for step in range(50):
        holding.publish({"step": step})
    holding.finish(result_of(job_id))
    for thread in threads:
        thread.join()
    assert ends == ["done"] * 8
