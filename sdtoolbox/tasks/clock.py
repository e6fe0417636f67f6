"""How much of a chain of restorers is done, so that the time left is right from the first second on."""

from __future__ import annotations

import time
from collections.abc import Callable

from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import TaskContext
from sdtoolbox.tasks.chains import Chain
from sdtoolbox.tasks.faces import restores_faces
from sdtoolbox.tasks.tiling import Treatment, treated

TRIAL = 96
"""The side of the part of a picture on which stages are timed."""
WORTH_A_TRIAL = 16 * TRIAL**2


class Clock:
    """Says how much of a chain is done, the colours first, then the alpha that is enlarged with them.

    What each stage costs a pixel is measured on a small part of a large picture first; else all cost the same, and
    faces as much as the mean of the rest: how many they are and how large a small part does not tell.
    Of a video, `source` is the first of so many `frames`.
    """

    def __init__(self, chain: Chain, source: Raster, ctx: TaskContext, frames: int = 1) -> None:
        self.ctx = ctx
        self._frame, self._frames = 0, frames
        area = source.size[0] * source.size[1]
        ctx.stage("restoring", work=area * frames)
        self._stages = len(chain.treatments)
        tried = self._stages > 1 and area > WORTH_A_TRIAL
        seconds = [self._tried(one, source) if tried and not restores_faces(one) else None for one in chain.treatments]
        known = [one for one in seconds if one is not None]
        usual = sum(known) / len(known) if known else 1.0
        costs, scale = [], 1
        for treatment, measured in zip(chain.treatments, seconds, strict=True):
            costs.append((usual if measured is None else measured) * scale**2)
            scale *= treatment.restorer.scale
        alpha = [cost if one.restorer.scale > 1 else 0.0 for cost, one in zip(costs, chain.treatments, strict=True)]
        self._costs = costs + (alpha if source.alpha is not None else [])

    def _tried(self, treatment: Treatment, source: Raster) -> float:
        """Seconds that a stage takes for a corner of the picture."""
        trial, began = source.pixels[:TRIAL, :TRIAL], time.perf_counter()
        treated(treatment, trial, trial.dtype, lambda done: self.ctx.check_cancelled())
        return time.perf_counter() - began

    def part(self, stage: int) -> Callable[[float], None]:
        """What a stage calls with the share of it that is done."""
        before, here, whole = sum(self._costs[:stage]), self._costs[stage], sum(self._costs)
        return lambda share: self._tell((before + share * here) / whole)

    def next_frame(self) -> None:
        """A frame is done."""
        self._tell(1.0)
        self._frame += 1

    def _tell(self, share: float) -> None:
        frames = max(self._frames, self._frame + 1)  # a file may say too few
        step = {} if frames == 1 else {"step": self._frame + 1, "steps": frames}
        self.ctx.step((self._frame + share) / frames, **step)

    def alpha_part(self, stage: int) -> Callable[[float], None]:
        """The same for what a stage does to the alpha."""
        return self.part(self._stages + stage)
