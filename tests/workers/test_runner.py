"""Whatever a task does, the job ends in words and the next one runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.jobs.recovery import Recovery
from sdtoolbox.schema.results import JobState
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.workers.heartbeat import Heartbeat
from sdtoolbox.workers.parts import load_engine
from sdtoolbox.workers.runner import Runner
from tests.workers import fake_engine
from tests.workers.conftest import Submit


class Hand:
    """A runner in the test's own thread."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.id = new_worker_id("worker")
        self.queue = toolbox.queue
        self.heartbeat = Heartbeat(toolbox.queue.presence, self.id, 1)
        self.runner = Runner(toolbox._parts, load_engine, self.heartbeat)
        toolbox.queue.presence.enter(self.id, "fake")

    def run(self) -> JobState | None:
        """Do the oldest job."""
        job = self.queue.claim(self.id)
        assert job is not None
        return self.runner.run(Holding(self.queue, job, self.id))


@pytest.fixture
def hand(toolbox: Toolbox) -> Hand:
    return Hand(toolbox)


def test_a_result_has_everything_that_was_drawn_or_chosen(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("a tree", seed=7, batch_count=2, batch_size=2)
    assert hand.run() == "done"
    result = toolbox.result(job_id)
    assert [picture.seed for picture in result.pictures] == [7, 8, 9, 10]
    assert [picture.index for picture in result.pictures] == [0, 1, 0, 1]
    assert [picture.request["seed"] for picture in result.pictures] == [7, 7, 9, 9]
    assert {picture.request["batch_count"] for picture in result.pictures} == {1}
    without = {name for name, value in result.request.items() if value is None and not name.startswith("hires_")}
    assert without == {"vae", "refiner", "plot"}  # the checkpoint's own; none
    assert set(result.timings) == {"loading", "encoding", "sampling", "decoding", "saving"}
    assert result.parameters.startswith("a tree\nSteps: 8, Sampler: DPM++ 2M")
    assert toolbox.event(job_id).finished == [picture.id for picture in result.pictures]


def test_the_file_says_what_draws_it_again_and_nothing_of_time_or_job(
    toolbox: Toolbox, hand: Hand, submit: Submit
) -> None:
    first, second = submit("a tree", batch_size=2), submit("a tree", batch_size=2)
    hand.run(), hand.run()
    before, after = toolbox.result(first).pictures[1], toolbox.result(second).pictures[1]
    assert before.id == after.id and before.file == after.file  # the same bytes, stored once
    with Image.open(toolbox.picture_path(before.id)) as image:
        image.load()
        exact = json.loads(image.text["sdtoolbox"])  # type: ignore[attr-defined]
    assert set(exact) == {"sdtoolbox", "task", "request", "index", "seed", "environment"}
    assert (exact["sdtoolbox"], exact["task"], exact["index"], exact["seed"]) == (__version__, "txt2img", 1, 2)
    assert exact["request"] == before.request


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("error", "NUMERIC", "the picture came out as nothing."),
        ("bug", "INTERNAL", "internal error, job 1."),
        ("exit", "INTERNAL", "internal error, job 1."),
        ("memory", "OUT_OF_MEMORY", "job 1 needs more memory than there is."),
    ],
)
def test_a_failing_job_says_why_and_the_next_one_runs(
    toolbox: Toolbox, hand: Hand, submit: Submit, word: str, code: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = submit(word), submit("good")
    assert hand.run() == "failed"
    with pytest.raises(UserError) as caught:
        toolbox.result(bad)
    assert (caught.value.code, caught.value.message) == (code, said)
    assert "secret" not in str(caught.value) and "job 1 failed" in caplog.text
    assert hand.run() == "done" and toolbox.job(good).state == "done"


def test_a_cancelled_job_keeps_what_it_finished(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("", batch_count=5)
    drawn = fake_engine.draw

    def cancel_after_two(request: Any, ctx: Any) -> Iterator[Any]:
        for number, picture in enumerate(drawn(request, ctx)):
            if number == 2:
                toolbox.cancel(job_id)
            yield picture

    _replace_task(hand, cancel_after_two)
    assert hand.run() == "cancelled"
    event = toolbox.event(job_id)
    assert len(event.finished) == 3 and list(event.finished) == list(toolbox.queue.pictures(job_id))
    assert all(toolbox.picture_path(picture).is_file() for picture in event.finished)
    with pytest.raises(UserError, match="job 1 was cancelled"):
        toolbox.result(job_id)


def test_cancelling_is_noticed_within_a_step(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("", steps=1000)
    steps = []

    def cancel_at_ten(request: Any, ctx: Any) -> Iterator[Any]:
        ctx.stage("sampling")
        for step in range(1000):
            if step == 10:
                toolbox.cancel(job_id)
            steps.append(step)
            time.sleep(0.06)  # longer than the answer may be old
            ctx.step(step / 1000)
        yield None

    _replace_task(hand, cancel_at_ten)
    assert hand.run() == "cancelled" and steps[-1] == 10


def test_a_lost_job_is_let_go(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("", steps=1000)

    def lose(request: Any, ctx: Any) -> Iterator[Any]:
        ctx.stage("sampling")
        toolbox.database.connection().execute("UPDATE jobs SET lease_until = 0")
        Recovery(toolbox.queue).sweep()
        ctx.stage("decoding")
        yield None

    _replace_task(hand, lose)
    assert hand.run() is None
    assert toolbox.job(job_id).state == "queued"


def test_a_task_that_draws_nothing_is_an_error(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit()
    _replace_task(hand, lambda request, ctx: [])
    assert hand.run() == "failed"
    assert (toolbox.job(job_id).error or {})["code"] == "INTERNAL"


def test_the_model_is_given_back_when_saving_fails(
    toolbox: Toolbox, hand: Hand, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, closed = submit(), []

    def draw(request: Any, ctx: Any) -> Iterator[Any]:
        try:
            yield from fake_engine.draw(request, ctx)
        finally:
            closed.append(True)

    _replace_task(hand, draw)
    monkeypatch.setenv("SDTOOLBOX_FAULTS", "save.before_rename=disk_full")
    assert hand.run() == "failed" and closed == [True]
    assert (toolbox.job(job_id).error or {})["code"] == "DISK_FULL"
    assert not list(toolbox.settings.outputs.rglob("*.part"))


def test_an_extension_at_fault_is_named(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id, module = submit(), {"__name__": "sdtoolbox_extensions.wild"}
    exec("def draw(request, ctx):\n    yield 1 / 0", module)
    _replace_task(hand, module["draw"])
    assert hand.run() == "failed"
    error = toolbox.job(job_id).error or {}
    assert error["code"] == "EXTENSION_FAILED" and "extension wild failed in job 1" in error["message"]


def _replace_task(hand: Hand, run: Any) -> None:
    hand.runner.models()  # the fake engine registers its own task first
    registries = hand.runner._parts.registries
    entry = registries.tasks.get("txt2img")
    object.__setattr__(entry.value, "run", run)


def test_other_users_of_the_machine_may_read_pictures(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit()
    hand.run()
    path = Path(toolbox.picture_path(toolbox.result(job_id).pictures[0].id))
    assert os.stat(path).st_mode & 0o777 == 0o644
