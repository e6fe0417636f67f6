"""Drawing in this process: only what is reserved for it, and what the last server left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.schema.results import Event
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers.child import Child
from sdtoolbox.workers.inline import InlineWorker, Nurse
from tests.workers.conftest import Submit
from tests.workers.test_process import until


@pytest.fixture
def inline(toolbox: Toolbox) -> Iterator[InlineWorker]:
    worker = InlineWorker(toolbox._parts)
    yield worker
    worker.close()


def test_it_takes_nobodys_job_but_its_own(toolbox: Toolbox, inline: InlineWorker, submit: Submit) -> None:
    waiting = submit()
    assert inline.start().result() is None
    own = toolbox.queue.submit(
        toolbox.resolve(toolbox.parse("txt2img", {"checkpoint": "fake"})), reserved_for=inline.id
    )
    assert inline.start().result() == "done"
    assert (toolbox.job(waiting).state, toolbox.job(own).state) == ("queued", "done")


def test_it_leaves_nothing_behind(toolbox: Toolbox) -> None:
    before = threading.active_count()
    worker = InlineWorker(toolbox._parts)
    worker.start().result()
    worker.close()
    assert threading.active_count() == before
    assert not list((toolbox.settings.home / "workers").iterdir())
    assert toolbox.queue.presence.find(worker.id) is None


def test_a_job_is_rescued_when_the_last_worker_is_gone_for_a_while(
    toolbox: Toolbox, inline: InlineWorker, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nurse, "LOOK_SECONDS", 0.01)
    job_id = submit()
    nurse = Nurse(toolbox.queue, job_id, lambda: inline, patience=0.2)
    began = time.monotonic()
    events = list(toolbox.queue.watch(job_id, poll=0.01, idle=nurse.look))
    nurse.wait()
    assert events[-1].state == "done" and time.monotonic() - began > 0.2


def test_a_job_that_a_worker_will_take_is_not_rescued(
    toolbox: Toolbox, inline: InlineWorker, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nurse, "LOOK_SECONDS", 0.0)
    job_id = submit()
    toolbox.queue.presence.enter("worker/another-machine/1", "cpu")
    toolbox.queue.presence._locks.clear()
    for patience in (0.05, None):
        nurse = Nurse(toolbox.queue, job_id, lambda: inline, patience)
        for _ in range(20):
            nurse.look()
            time.sleep(0.01)
    assert toolbox.job(job_id).state == "queued"


def test_a_waiting_run_survives_the_end_of_the_server(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that draws goes away in the middle: the job comes back to the queue and is drawn here."""
    monkeypatch.setattr(Nurse, "LOOK_SECONDS", 0.05)
    child = Child(toolbox.settings, "worker-1")
    until(toolbox.live_workers)
    sent: list[bool] = []

    def send_away(event: Event) -> None:
        if event.stage == "sampling" and not sent:
            sent.append(True)
            child.ask_to_leave()

    request = toolbox.parse("txt2img", {"prompt": "slow", "steps": 30, "checkpoint": "fake", "seed": 1})
    result = toolbox.run_request(request, on_event=send_away)
    assert sent and len(result.pictures) == 1
    assert child.wait(3) and child.death() is not None


def test_what_stops_the_inline_worker_is_raised(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise UserError("INTERNAL", "the queue is broken")

    monkeypatch.setattr(toolbox.queue, "claim", broken)
    with pytest.raises(UserError, match="the queue is broken"):
        toolbox.run("txt2img", checkpoint="fake")
    assert toolbox.jobs()[0].state == "cancelled"
