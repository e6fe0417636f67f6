"""The seconds left come true, the share done never falls."""

from __future__ import annotations

import itertools

import pytest

from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.workers.history import Cost
from sdtoolbox.workers.progress import Progress

SECONDS = {"loading": 3.0, "encoding": 1.0, "sampling": 0.5, "decoding": 2.0, "saving": 0.1}  # a step, or a stage
SECONDS |= {"upscaling": 0.2, "redrawing": 2.0}


class Past:
    """A history that was told, and remembers what it is told."""

    def __init__(self, **costs: Cost) -> None:
        self.costs = costs
        self.remembered: dict[str, Cost] = {}

    def cost(self, stage: str) -> Cost | None:
        return self.costs.get(stage)

    def remember(self, costs: dict[str, Cost]) -> None:
        self.remembered = costs


class Run:
    """A job on a clock of its own; `seen` has (seconds since its begin, event) for each thing that happened."""

    def __init__(self, past: Past, request: Txt2Img, slowness: float = 1.0) -> None:
        self.now = 100.0
        self.slowness = slowness
        self.progress = Progress(request, past, clock=lambda: self.now)  # type: ignore[arg-type]
        self.request = request
        self.seen: list[tuple[float, dict]] = []  # type: ignore[type-arg]

    def pass_time(self, seconds: float) -> None:
        self.now += seconds * self.slowness

    def look(self) -> None:
        self.seen.append((self.now - 100, self.progress.event()))

    def stage(self, stage: str, picture: int, work: float) -> None:
        total = self.request.batch_count * self.request.batch_size
        self.progress.stage(stage, picture, total, work)  # type: ignore[arg-type]
        self.look()

    def all(self) -> float:
        steps = self.request.steps or 1
        self.stage("encoding", 0, 1)
        self.pass_time(SECONDS["encoding"])
        for first in range(0, self.request.batch_count * self.request.batch_size, self.request.batch_size):
            self.stage("sampling", first, steps)
            for step in range(steps):
                self.pass_time(SECONDS["sampling"])
                self.progress.step((step + 1) / steps, step + 1, steps)
                self.look()
            if self.request.hires:
                self.redraw(first, self.request.hires_steps or steps)
            self.stage("decoding", first, 1)
            self.pass_time(SECONDS["decoding"])
            for _ in range(self.request.batch_size):
                self.stage("saving", first, 1)
                self.pass_time(SECONDS["saving"])
        self.progress.finish()
        return self.now - 100

    def redraw(self, first: int, steps: int) -> None:
        self.stage("upscaling", first, 1)
        self.pass_time(SECONDS["upscaling"])
        self.stage("redrawing", first, steps)
        for step in range(steps):
            self.pass_time(SECONDS["redrawing"])
            self.progress.step((step + 1) / steps, step + 1, steps)
            self.look()


def known() -> Past:
    costs = {stage: Cost(seconds, 1.0) for stage, seconds in SECONDS.items()}
    return Past(**costs)


def test_with_a_history_the_time_left_is_right_from_the_first_moment() -> None:
    run = Run(known(), Txt2Img(steps=20, batch_count=3))
    total = run.all()
    for passed, event in run.seen:
        assert event["eta_seconds"] == pytest.approx(total - passed, abs=0.01)


def test_the_share_never_falls_and_follows_time() -> None:
    for past in (known(), Past()):
        run = Run(past, Txt2Img(steps=10, batch_count=2, batch_size=2))
        total = run.all()
        shares = [event["fraction"] for _, event in run.seen]
        assert shares == sorted(shares) and shares[0] == 0 and 0.9 < shares[-1] < 1
        if past.costs:
            assert all(event["fraction"] == pytest.approx(passed / total, abs=0.02) for passed, event in run.seen)


def test_without_a_history_nothing_is_claimed_before_the_first_step() -> None:
    run = Run(Past(), Txt2Img(steps=10))
    run.all()
    events = [event for _, event in run.seen]
    assert [event["eta_seconds"] for event in events[:2]] == [None, None]
    assert events[2]["eta_seconds"] == pytest.approx(4.5)  # nine more steps; what decoding costs is not known yet
    assert events[2]["fraction"] > 0


def test_the_second_batch_knows_what_the_first_one_cost() -> None:
    run = Run(Past(), Txt2Img(steps=10, batch_count=2))
    total = run.all()
    second = [(passed, event) for passed, event in run.seen if event["picture"] == 1]
    for passed, event in second:
        assert event["eta_seconds"] == pytest.approx(total - passed, abs=0.01)


def test_a_machine_that_got_slower_is_believed_soon() -> None:
    run = Run(known(), Txt2Img(steps=40), slowness=3.0)
    total = run.all()
    for passed, event in run.seen:
        if event["stage"] == "sampling" and (event["step"] or 0) >= 10:
            later = (SECONDS["decoding"] + SECONDS["saving"]) * 2  # not measured yet at the new speed
            assert event["eta_seconds"] == pytest.approx(total - passed - later, abs=0.01)


def test_a_longer_job_than_before_scales_with_its_steps() -> None:
    run = Run(known(), Txt2Img(steps=100))
    run.stage("encoding", 0, 1)
    assert run.seen[0][1]["eta_seconds"] == pytest.approx(1 + 50 + 2 + 0.1)


def test_loading_counts_as_nothing_done_and_is_part_of_the_time_left() -> None:
    run = Run(known(), Txt2Img(steps=20))
    run.stage("loading", 0, 1)
    run.pass_time(1)
    run.look()
    (_, begun), (_, later) = run.seen
    assert begun["fraction"] == later["fraction"] == 0
    assert (begun["eta_seconds"], later["eta_seconds"]) == (pytest.approx(16.1), pytest.approx(15.1))


def test_what_the_stages_cost_is_remembered_by_the_unit_of_their_work() -> None:
    past = Past()
    run = Run(past, Txt2Img(steps=20, batch_count=2))
    run.all()
    assert past.remembered["sampling"] == Cost(pytest.approx(0.5), 1.0)  # type: ignore[arg-type]
    assert past.remembered["decoding"] == Cost(pytest.approx(2.0), 1.0)  # type: ignore[arg-type]
    assert run.progress.seconds["sampling"] == pytest.approx(20)


def test_a_cancelled_job_teaches_nothing() -> None:
    past = Past()
    run = Run(past, Txt2Img(steps=20))
    run.stage("sampling", 0, 20)
    run.pass_time(1)
    assert past.remembered == {}


def test_steps_that_count_backwards_do_not() -> None:
    run = Run(known(), Txt2Img(steps=10))
    run.stage("sampling", 0, 10)
    run.progress.step(0.5, 5, 10)
    run.look()
    run.progress.step(0.2, 2, 10)
    run.look()
    assert run.seen[-1][1]["fraction"] >= run.seen[-2][1]["fraction"]


def test_a_second_pass_is_counted_before_it_begins() -> None:
    run = Run(known(), Txt2Img(steps=10, batch_count=2, hires=True, hires_steps=5))
    total = run.all()
    assert all(event["eta_seconds"] == pytest.approx(total - at, abs=1e-6) for at, event in run.seen)
    assert all(a[1]["fraction"] <= b[1]["fraction"] for a, b in itertools.pairwise(run.seen))


def test_a_second_pass_that_was_never_measured_gives_no_false_hope() -> None:
    past = known()
    del past.costs["redrawing"]
    run = Run(past, Txt2Img(steps=10, hires=True))
    run.all()
    left = [(event["stage"], event["eta_seconds"]) for _, event in run.seen]
    assert all(seconds is None for stage, seconds in left if stage in ("encoding", "sampling", "upscaling"))
    assert left[-1][1] is not None
    assert {"redrawing", "upscaling"} <= set(past.remembered)
    fractions = [event["fraction"] for _, event in run.seen]
    assert fractions == sorted(fractions)
