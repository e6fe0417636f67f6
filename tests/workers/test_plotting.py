"""A plot is one job: every cell is kept with its own request, whatever happens on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.jobs.recovery import Recovery
from sdtoolbox.replay import replay
from sdtoolbox.toolbox import Toolbox
from tests.workers import fake_engine
from tests.workers.conftest import Submit
from tests.workers.test_runner import Hand

PLOT = ["x: steps: 4-6", "y: seed: 7, 8"]


@pytest.fixture
def hand(toolbox: Toolbox) -> Hand:
    return Hand(toolbox)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that the task is asked for; a function put into it is called before each."""
    asked: list[Any] = []
    original = fake_engine.picture

    def picture(request: Any, index: int) -> Any:
        for call in [one for one in asked if callable(one)]:
            call(request)
        asked.append(request)
        return original(request, index)

    monkeypatch.setattr(fake_engine, "picture", picture)
    monkeypatch.setattr("sdtoolbox.workers.context.JobContext.wants_preview", lambda _self: False)
    return asked


def test_cells_and_their_grid_are_pictures_of_one_job(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("a tree", plot=PLOT)
    assert hand.run() == "done"
    result = toolbox.result(job_id)
    *cells, grid = result.pictures
    assert [(cell.request["steps"], cell.request["seed"]) for cell in cells] == [
        (steps, seed) for seed in (7, 8) for steps in (4, 5, 6)
    ]
    assert all(cell.request["plot"] is None for cell in cells)
    assert (grid.width, grid.height) > (3 * cells[0].width, 2 * cells[0].height)
    assert grid.request == result.request
    assert "Steps: 5" in (read_text(toolbox.picture_path(cells[1].id)).parameters or "")


def test_a_cell_is_what_its_own_request_draws_alone(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("a tree", plot=PLOT)
    assert hand.run() == "done"
    cell = toolbox.result(job_id).pictures[4]
    alone = toolbox.submit(toolbox.parse("txt2img", cell.request))
    assert hand.run() == "done"
    assert toolbox.result(alone).pictures[0].id == cell.id


def test_cancelling_in_the_middle_keeps_the_cells_that_are_done(
    toolbox: Toolbox, hand: Hand, submit: Submit, drawn: list[Any]
) -> None:
    job_id = submit("a tree", plot=PLOT)
    drawn.append(lambda request: toolbox.cancel(job_id) if (request.steps, request.seed) == (6, 7) else None)
    assert hand.run() == "cancelled"
    kept = toolbox.queue.pictures(job_id)
    assert 2 <= len(kept) <= 3
    for identity in kept:
        exact = read_text(toolbox.picture_path(identity)).exact
        assert exact is not None
        assert exact["request"]["plot"] is None
    assert list(toolbox.event(job_id).finished) == list(kept)


class Crash(BaseException):
    """The end of a process."""


def test_a_second_attempt_draws_only_what_is_missing(
    toolbox: Toolbox, hand: Hand, submit: Submit, drawn: list[Any]
) -> None:
    job_id = submit("a tree", plot=PLOT)

    def crash(request: Any) -> None:
        if (request.steps, request.seed) == (5, 8):
            raise Crash

    drawn.append(crash)
    with pytest.raises(Crash):
        hand.run()
    kept = list(toolbox.queue.pictures(job_id))
    assert len(kept) == 4
    toolbox.queue.presence.leave(hand.id)
    Recovery(toolbox.queue).sweep()
    drawn.clear()
    assert Hand(toolbox).run() == "done"
    result = toolbox.result(job_id)
    assert [(request.steps, request.seed) for request in drawn] == [(5, 8), (6, 8)]
    assert [picture.id for picture in result.pictures[:4]] == kept
    assert len(result.pictures) == 7
    assert result.environment["checkpoint"]["name"] == "fake"


def test_the_events_count_over_the_whole_plot(toolbox: Toolbox, hand: Hand, submit: Submit, drawn: list[Any]) -> None:
    job_id = submit("a tree", plot=PLOT)
    events = []
    drawn.append(lambda _request: events.append(toolbox.event(job_id)))
    assert hand.run() == "done"
    assert [event.picture for event in events] == list(range(6))
    assert {event.pictures_total for event in events} == {6}
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert 0 < fractions[2] < fractions[5] < 1


def test_batches_take_their_places(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("a tree", batch_count=2, plot="x: steps: 4, 5")
    assert hand.run() == "done"
    assert len(toolbox.result(job_id).pictures) == 5


def test_a_grid_says_how_it_was_drawn(toolbox: Toolbox, hand: Hand, submit: Submit) -> None:
    job_id = submit("a tree", plot=PLOT)
    assert hand.run() == "done"
    grid = toolbox.result(job_id).pictures[-1]
    exact = json.loads(open_picture(toolbox.picture_path(grid.id)).text["sdtoolbox"])  # type: ignore[attr-defined]
    assert toolbox.parse("txt2img", exact["request"]) == toolbox.parse("txt2img", toolbox.result(job_id).request)
    recalled = toolbox.recall(toolbox.picture_path(grid.id))
    assert recalled.values["plot"]["plan"] is None
    assert recalled.values["plot"]["x"] == {"field": "steps", "values": "4-6"}
    assert recalled.missing == []


def test_grids_are_replayed(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt="a tree", checkpoint="fake", seed=1, plot=PLOT)
    assert replay(toolbox.picture_path(result.pictures[-1].id), toolbox).identical
    assert replay(toolbox.picture_path(result.pictures[2].id), toolbox).identical
