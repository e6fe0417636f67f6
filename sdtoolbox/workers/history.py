"""What the stages of a job like this one cost before, by stage; scaled from another size where this one is new."""

from __future__ import annotations

from dataclasses import dataclass

from sdtoolbox.jobs.timings import Timings
from sdtoolbox.schema.requests import Request

# What grows with the number of pixels: the cost of a step or of a file, or the pixels that a stage counts as its work.
UNIT_GROWS = ("sampling", "redrawing", "saving")
WORK_GROWS = ("reading", "upscaling", "restoring", "decoding")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one stage: seconds a unit of its work, and units of work (a step, where the stage has steps)."""

    unit: float
    work: float


class History:
    """The timings of one task, checkpoint and device, seen from one request."""

    def __init__(self, timings: Timings, request: Request, device: str) -> None:
        values = request.model_dump()
        self._timings = timings
        self._prefix = f"{request.task}|{values.get('checkpoint')}|{device}|"
        self._pixels = max(1, (values.get("width") or 1) * (values.get("height") or 1) * values.get("batch_size", 1))
        self._pixels *= values.get("frames") or 1
        # Two predictions a step, or other steps, cost something else; no scaling leads from one to the other.
        self._kind = f"{values.get('sampler')}|{(values.get('guidance_scale') or 1) != 1}"
        self._kind += "".join(f"+{name}" for name in ("pag_scale", "hires", "tiled", "frames") if values.get(name))
        self._kind += "".join(f"+{name}" for name in getattr(request, "restorers", ()))
        self._costs = self._recall()

    def cost(self, stage: str) -> Cost | None:
        """What a stage is likely to cost, or None if it was never measured here."""
        return self._costs.get(stage)

    def remember(self, costs: dict[str, Cost]) -> None:
        """Keep what the stages of a finished job did cost."""
        values = {}
        for stage, cost in costs.items():
            values[f"{self._prefix}{self._kind}|{stage}|{self._pixels}|unit"] = cost.unit
            values[f"{self._prefix}{self._kind}|{stage}|{self._pixels}|work"] = cost.work
        self._timings.remember(values)

    @property
    def memory(self) -> int | None:
        """Bytes that a job of just this size had in use at most, None if that was never measured here."""
        known = self._timings.recall(f"{self._prefix}{self._kind}|memory|{self._pixels}|")
        return int(known["bytes"]) if known.get("bytes") else None

    def remember_memory(self, count: int) -> None:
        """Keep how many bytes a finished job had in use at most; 0 says that nobody knows."""
        if count:
            self._timings.remember({f"{self._prefix}{self._kind}|memory|{self._pixels}|bytes": float(count)})

    def _recall(self) -> dict[str, Cost]:
        known = self._timings.recall(f"{self._prefix}{self._kind}|")
        nearest: dict[str, tuple[float, Cost]] = {}
        for key in known:
            stage, pixels, name = key.split("|")
            if name != "unit":
                continue
            ratio = self._pixels / int(pixels)
            distance = max(ratio, 1 / ratio)
            if stage not in nearest or distance < nearest[stage][0]:
                unit = known[key] * (ratio if stage in UNIT_GROWS else 1.0)
                work = known.get(f"{stage}|{pixels}|work", 1.0) * (ratio if stage in WORK_GROWS else 1.0)
                nearest[stage] = distance, Cost(unit, work)
        return {stage: cost for stage, (_, cost) in nearest.items()}
