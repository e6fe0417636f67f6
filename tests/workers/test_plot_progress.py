"""The time that a plot still takes: each cell by its own work, known cells by what they did cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.workers.history import Cost, History
from sdtoolbox.workers.plot_progress import PlotProgress


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def cells(*steps: int) -> list[Txt2Img]:
    return [Txt2Img(steps=one, width=64, height=64, guidance_scale=1, sampler="euler") for one in steps]


def history(costs: dict[str, Cost] | None = None) -> Any:
    found = SimpleNamespace(cost=lambda stage: (costs or {}).get(stage), remember=lambda _costs: None)
    return lambda _cell: cast(History, found)


def draw(progress: PlotProgress, clock: Clock, number: int, steps: int) -> list[float | None]:
    """One cell at one second a step; the seconds left after each."""
    progress.begin(number)
    progress.stage("encoding", 0, 1, 1.0)
    progress.stage("sampling", 0, 1, steps)
    left = []
    for i in range(steps):
        clock.now += 1
        progress.step((i + 1) / steps, i + 1, steps)
        left.append(progress.event()["eta_seconds"])
    progress.stage("decoding", 0, 1, 1.0)
    progress.stage("saving", number, 1, 1.0)
    return left


def test_cells_that_were_never_measured_cost_as_the_others_do() -> None:
    clock = Clock()
    progress = PlotProgress(cells(4, 8, 16), history(), clock)
    assert draw(progress, clock, 0, 4)[-1] == pytest.approx(24)
    left = draw(progress, clock, 1, 8)
    assert left[0] == pytest.approx(23)
    assert left[-1] == pytest.approx(16)
    assert draw(progress, clock, 2, 16)[-1] == pytest.approx(0, abs=0.1)
    progress.finish()
    assert progress.seconds["sampling"] == pytest.approx(28)


def test_cells_that_were_measured_before_are_known_from_the_start() -> None:
    clock = Clock()
    progress = PlotProgress(cells(4, 8), history({"sampling": Cost(2.0, 1.0)}), clock)
    assert progress.event()["eta_seconds"] == pytest.approx(24)


def test_pictures_and_shares_count_over_the_whole() -> None:
    clock = Clock()
    progress = PlotProgress(cells(4, 4, 4, 4), history(), clock)
    shares = []
    for number in range(4):
        draw(progress, clock, number, 4)
        event = progress.event()
        assert (event["picture"], event["pictures_total"]) == (number, 4)
        shares.append(event["fraction"])
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.02)


def test_cells_that_are_kept_cost_nothing() -> None:
    clock = Clock()
    progress = PlotProgress(cells(4, 4, 4), history(), clock)
    progress.begin(0)
    progress.begin(1, drawn=False)
    progress.begin(2, drawn=False)
    assert draw(progress, clock, 2, 4)[-1] == pytest.approx(0, abs=0.1)
