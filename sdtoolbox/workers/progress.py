"""How far a job is and how long it still takes, from this run's own speed and from what such jobs cost before."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Stage
from sdtoolbox.tasks.diffusion import steps_drawn
from sdtoolbox.workers.history import Cost, History

Shares = Mapping[Stage, float]
ROUND: tuple[Stage, ...] = (
    "reading",
    "encoding",
    "sampling",
    "upscaling",
    "redrawing",
    "restoring",
    "decoding",
    "saving",
)
"""The stages of a batch; batches after the first leave encoding out, and every task what does not belong to it."""
ONCE: Shares = {"encoding": 0.02, "sampling": 0.9, "decoding": 0.05, "saving": 0.03}
TWICE: Shares = {
    "encoding": 0.02,
    "sampling": 0.2,
    "upscaling": 0.03,
    "redrawing": 0.65,
    "decoding": 0.07,
    "saving": 0.03,
}
FROM_PICTURE: Shares = {"reading": 0.03, "encoding": 0.02, "sampling": 0.86, "decoding": 0.06, "saving": 0.03}
WITHOUT_MODEL: Shares = {"restoring": 0.9, "saving": 0.1}
"""Shares of a batch to show before anything was measured."""
TRUST_OWN_AFTER = 0.25
"""Share of a stage after which its own speed alone counts: the first steps are often slower than the rest."""
ALMOST = 0.999


class Progress:
    """One job's clock. `stage` and `step` are told what the task tells the context; `event` says what is known."""

    def __init__(self, request: Request, history: History, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self._history = history
        self._clock = clock
        self._steps = _steps(request)
        self._shares = _shares(request)
        self._round = [stage for stage in ROUND if stage in self._shares]
        self._main: Stage = "sampling" if "sampling" in self._shares else "restoring"
        # Pictures that say different things are drawn one by one.
        self._batch = 1 if getattr(request, "wordings", ()) else max(1, getattr(request, "batch_size", 1))
        self._measured: dict[str, list[tuple[float, float]]] = {}
        self._stage: Stage = "queued"
        self._stage_began = self._work_began = clock()
        self._work = 1.0
        self._done = 0.0
        self._step: tuple[int | None, int | None] = (None, None)
        self._picture, self._pictures = 0, 1
        self._fraction = 0.0

    def stage(self, stage: Stage, picture: int, pictures_total: int, work: float) -> None:
        """A stage begins; the one before it is over and was measured."""
        self._close_stage()
        if stage in ROUND and not self.seconds.keys() & set(ROUND):
            self._work_began = self._clock()  # loading is shown as 0: nobody knows beforehand whether it will be
        self._stage, self._work, self._done, self._step = stage, work, 0.0, (None, None)
        self._picture, self._pictures = picture, max(1, pictures_total)
        self._stage_began = self._clock()

    def step(self, done: float, step: int | None, steps: int | None) -> None:
        """This share of the stage, 0 to 1, is done; it never falls."""
        self._done = min(1.0, max(self._done, done))
        self._step = step, steps

    def finish(self) -> None:
        """The job is done: keep what its stages did cost."""
        self._close_stage()
        self._stage = "done"
        costs = {}
        for stage, measures in self._measured.items():
            work = sum(work for _, work in measures)
            unit = sum(seconds for seconds, _ in measures) / work
            costs[stage] = Cost(unit, work / len(measures) / self._steps_of(stage))
        self._history.remember(costs)

    def event(self) -> dict[str, Any]:
        """What the job's event says about stage, steps, share and seconds left."""
        left = self._seconds_left()
        if left is None:
            fraction = self._nominal_fraction()
        else:
            past = self._clock() - self._work_began if self._stage != "loading" else 0.0
            fraction = past / (past + left) if past + left > 0 else 0.0
        self._fraction = max(self._fraction, min(ALMOST, fraction))
        return {
            "state": "running",
            "stage": self._stage,
            "step": self._step[0],
            "steps": self._step[1],
            "fraction": self._fraction,
            "eta_seconds": left,
            "picture": min(self._picture, self._pictures - 1),
            "pictures_total": self._pictures,
        }

    def _close_stage(self) -> None:
        if self._stage in ("queued", "done"):
            return
        seconds = self._clock() - self._stage_began
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + seconds
        if self._work > 0:
            self._measured.setdefault(self._stage, []).append((seconds, self._work))

    def _steps_of(self, stage: str) -> int:
        return max(1, self._steps.get(stage, 1))

    def _expected(self, stage: str, work: float | None = None) -> float | None:
        # Seconds of a whole stage; this run's last measurement beats history.
        if stage in self._measured:
            seconds, units = self._measured[stage][-1]
            return seconds if work is None else seconds / units * work
        cost = self._history.cost(stage)
        if cost is None:
            return None
        return cost.unit * (cost.work * self._steps_of(stage) if work is None else work)

    def _seconds_left(self) -> float | None:
        here = self._left_in_stage()
        batch = self._expected(self._main)
        if self._stage == self._main and here is not None:
            batch = here + self._clock() - self._stage_began  # the batches to come will be as quick as this one
        later = self._round[self._round.index(self._stage) + 1 :] if self._stage in self._round else self._round
        if batch is None or ("redrawing" in later and self._expected("redrawing") is None):
            return None
        # Any other stage that was never measured here counts nothing: it will be known from the next job on.
        costs = {stage: self._expected(stage) or 0.0 for stage in self._round} | {self._main: batch}
        whole = sum(costs.values()) - costs.get("encoding", 0.0)
        return (here or 0.0) + sum(costs[stage] for stage in later) + self._batches_left() * whole

    def _left_in_stage(self) -> float | None:
        past = self._clock() - self._stage_began
        expected = self._expected(self._stage, self._work)
        before = None if expected is None else max(0.0, expected - past)
        if self._done <= 0:
            return before
        own = past / self._done * (1 - self._done)
        if before is None:
            return own
        trust = min(1.0, self._done / TRUST_OWN_AFTER)
        return trust * own + (1 - trust) * before

    def _batches_left(self) -> int:
        return max(0, math.ceil(self._pictures / self._batch) - 1 - self._picture // self._batch)

    def _nominal_fraction(self) -> float:
        if self._stage not in self._round:
            return 0.0
        before = sum(self._shares[stage] for stage in self._round[: self._round.index(self._stage)])
        here = before + self._done * self._shares[self._stage]
        batches = math.ceil(self._pictures / self._batch)
        return (self._picture // self._batch + here) / batches


def _steps(request: Request) -> dict[str, int]:
    """How many steps each stage that has some will make."""
    steps = getattr(request, "steps", None) or 1
    drawn = steps_drawn(steps, getattr(request, "strength", None) or 1.0, getattr(request, "exact_steps", True))
    return {"sampling": drawn, "redrawing": getattr(request, "hires_steps", 0) or steps}


def _shares(request: Request) -> Shares:
    if not isinstance(request, Drawing):
        return WITHOUT_MODEL
    if getattr(request, "image", None) is not None:
        return FROM_PICTURE
    return TWICE if getattr(request, "hires", False) else ONCE
