"""How far a plot is: the clock of the cell in hand, and what the cells to come will cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Stage
from sdtoolbox.workers.history import History
from sdtoolbox.workers.progress import ALMOST, ROUND, Progress

MakeHistory = Callable[[Request], History]


class PlotProgress:
    """As `Progress`, for the cells of a plot one after another; `begin` says which one comes now.

    Cells differ in cost: each is expected to cost what its like did before, here or in an earlier job; one whose like
    was never measured costs as much a unit of work as the cells of this plot did so far.
    """

    def __init__(
        self, cells: Sequence[Request], history: MakeHistory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._cells = cells
        self._make_history = history
        self._clock = clock
        self._number = 0
        self._before = 0  # pictures of the cells behind
        self._total = sum(map(pictures_of, cells))
        self._later = 0.0
        self._done_work = self._done_seconds = 0.0
        self._fraction = 0.0
        self._began: float | None = None
        self._cell_began = clock()
        self._inner = Progress(cells[0], history(cells[0]), clock)
        self._look_ahead()

    def begin(self, number: int, *, drawn: bool = True) -> None:
        """Cell `number` comes now; the one before it is over, and was measured unless it was not `drawn` again."""
        if number > self._number:
            self._close(drawn)
        self._number = number
        self._before = sum(map(pictures_of, self._cells[:number]))
        self._cell_began = self._clock()
        self._inner = Progress(self._cells[number], self._make_history(self._cells[number]), self._clock)
        self._look_ahead()

    def stage(self, stage: Stage, picture: int, pictures_total: int, work: float) -> None:
        """A stage of the cell in hand begins."""
        if self._began is None and stage in ROUND:
            self._began = self._clock()
        self._inner.stage(stage, picture - self._before if stage == "saving" else picture, pictures_total, work)

    def step(self, done: float, step: int | None, steps: int | None) -> None:
        """This share of the stage, 0 to 1, is done."""
        self._inner.step(done, step, steps)

    def finish(self) -> None:
        """All cells are done."""
        self._close(True)
        self._later = 0.0

    def event(self) -> dict[str, Any]:
        """What the job's event says: the cell's stage and step, the whole plot's share and seconds left."""
        event = self._inner.event()
        here = event["eta_seconds"]
        later = self._later if here is None else self._ahead(self._clock() - self._cell_began + here)
        left = None if here is None or later is None else here + later
        if left is not None and self._began is not None:
            past = self._clock() - self._began
            share = past / (past + left) if past + left > 0 else 0.0
        else:
            share = (self._before + event["fraction"] * pictures_of(self._cells[self._number])) / self._total
        self._fraction = max(self._fraction, min(ALMOST, share))
        return event | {
            "fraction": self._fraction,
            "eta_seconds": left,
            "picture": min(self._total - 1, self._before + event["picture"]),
            "pictures_total": self._total,
        }

    def _close(self, drawn: bool) -> None:
        if not drawn:
            return
        self._inner.finish()
        for stage, seconds in self._inner.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        if spent := sum(self._inner.seconds.get(stage, 0.0) for stage in ROUND):
            self._done_seconds += spent
            self._done_work += work_of(self._cells[self._number])

    def _look_ahead(self) -> None:
        """Look up once a cell what is known of those behind it; asking at every event would ask the disk."""
        known: dict[str, float | None] = {}
        self._later, self._unknown = 0.0, 0.0
        for cell in self._cells[self._number + 1 :]:
            kind = repr((work_of(cell), getattr(cell, "sampler", None), getattr(cell, "checkpoint", None)))
            if kind not in known:
                known[kind] = self._expected(cell)
            if (seconds := known[kind]) is None:
                self._unknown += work_of(cell)
            else:
                self._later += seconds

    def _expected(self, cell: Request) -> float | None:
        """Seconds of a cell before it has begun, None if its like was never measured."""
        progress = Progress(cell, self._make_history(cell), self._clock)
        progress.stage("queued", 0, pictures_of(cell), 0.0)
        seconds: float | None = progress.event()["eta_seconds"]
        return seconds

    def _ahead(self, this_cell: float) -> float:
        """Seconds for the cells behind the one in hand, which will have taken `this_cell` seconds."""
        if not self._unknown:
            return self._later
        work = self._done_work + work_of(self._cells[self._number])
        return self._later + self._unknown * (self._done_seconds + this_cell) / work


def pictures_of(cell: Request) -> int:
    """How many pictures a request draws."""
    counts = (getattr(cell, name, 1) for name in ("batch_count", "batch_size", "loops"))
    return math.prod(counts)


def work_of(cell: Request) -> float:
    """Pixels times network calls, about."""
    passes = 2 if (getattr(cell, "guidance_scale", 1) or 1) != 1 else 1
    sizes = (getattr(cell, name, None) or 1 for name in ("steps", "width", "height"))
    work = float(passes * pictures_of(cell))
    for size in sizes:
        work *= size
    return work
