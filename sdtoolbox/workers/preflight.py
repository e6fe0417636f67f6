"""What a request is likely to take, before it is queued: from what such requests took on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdtoolbox.jobs.loaded import Loaded
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.schema.requests import Request
from sdtoolbox.tasks.plotting import cells_of
from sdtoolbox.workers.history import History
from sdtoolbox.workers.plot_progress import PlotProgress, pictures_of
from sdtoolbox.workers.progress import Progress


@dataclass(frozen=True, slots=True)
class Preflight:
    """Seconds from its first step on, loading left out, and bytes at most; None for what was never measured here."""

    seconds: float | None = None
    memory: int | None = None


def preflight(timings: Timings, loaded: Sequence[Loaded], request: Request) -> Preflight:
    """The estimate for a resolved request: what the progress of its job would say before its first stage."""
    device = _device(timings, loaded, request)
    if device is None:
        return Preflight()
    history = History(timings, request, device)
    if getattr(request, "plot", None) is not None:
        plot = PlotProgress([cell for _, cell in cells_of(request)], lambda cell: History(timings, cell, device))
        return Preflight(plot.event()["eta_seconds"], history.memory)
    progress = Progress(request, history)
    progress.stage("queued", 0, pictures_of(request), 0.0)
    return Preflight(progress.event()["eta_seconds"], history.memory)


def _device(timings: Timings, loaded: Sequence[Loaded], request: Request) -> str | None:
    """Where this checkpoint was drawn with before; of several devices the one that holds a model now."""
    known = {key.split("|")[0] for key in timings.recall(f"{request.task}|{getattr(request, 'checkpoint', None)}|")}
    busy = [one.device for one in loaded if one.device in known]
    return busy[0] if busy else max(known, default=None)
