"""The one loop that worker processes and inline runs share: claim, draw, save, say how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import closing

from sdtoolbox.errors import Cancelled
from sdtoolbox.jobs.holding import Holding, JobLostError
from sdtoolbox.jobs.hooks import Hooks
from sdtoolbox.jobs.loaded import LoadedModels
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import JobState, Picture, Result
from sdtoolbox.workers.blame import explain
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.heartbeat import Heartbeat
from sdtoolbox.workers.history import History
from sdtoolbox.workers.memory import MemoryList
from sdtoolbox.workers.parts import Models, Parts, device_of
from sdtoolbox.workers.picture_hooks import PictureHooks
from sdtoolbox.workers.plot_progress import PlotProgress
from sdtoolbox.workers.plotting import PlotJob
from sdtoolbox.workers.progress import Progress
from sdtoolbox.workers.saving import save

log = logging.getLogger(__name__)


class Runner:
    """Does jobs for one worker, one at a time; `engine` makes the owner of the weights at the first need."""

    def __init__(self, parts: Parts, engine: Callable[[Parts], Models], heartbeat: Heartbeat) -> None:
        self._parts = parts
        self._make_engine = engine
        self._heartbeat = heartbeat
        self._hooks = Hooks(parts.registries, parts.database)
        self._models: Models | None = None
        self._memory: MemoryList | None = None

    def models(self) -> Models:
        """The engine; its import takes seconds, once."""
        if self._models is None:
            models = self._make_engine(self._parts)
            self._memory = MemoryList(LoadedModels(self._parts.database), self._heartbeat.worker_id, models)
            models.on_change = self._memory.publish
            self._models = models
        return self._models

    def tidy(self) -> None:
        """Drop the models that somebody wants dropped, that of the job in hand when it ends; cheap, from any thread."""
        if self._memory is not None:
            self._memory.obey()

    def run(self, holding: Holding) -> JobState | None:
        """Do a claimed job to its end, whatever happens; returns how it ended, None if it was lost on the way."""
        job = holding.job
        log.info("job %d: %s, attempt %d", job.number, job.task, job.attempts)
        with self._heartbeat.keeping(holding):
            try:
                state = holding.finish(self._draw(holding))
            except Cancelled:
                state = holding.cancelled()
            except JobLostError:
                state = None
            except (Exception, SystemExit) as error:  # whatever a task does, the next job must run
                log.exception("job %d failed", job.number)
                state = holding.fail(explain(error, job.number))
        log.info("job %d: %s", job.number, state or "lost")
        if state is not None and self._hooks.of("done"):
            self._hooks.on_done(self._parts.queue.get(job.id))
        return state

    def _draw(self, holding: Holding) -> Result:
        job, parts = holding.job, self._parts
        models = self.models()
        task = parts.registries.tasks.get(job.task).value
        request = task.request.parse(job.request)
        history = self._history(request)
        pictures: list[Picture] = []
        texts: list[str] = []
        plot = PlotJob(parts, holding, request, pictures) if getattr(request, "plot", None) else None
        progress = Progress(request, history) if plot is None else PlotProgress(plot.cells, self._history)
        ctx = JobContext(parts, holding, models, progress, self._heartbeat.lost)
        hooked = PictureHooks(self._hooks, ctx)
        peak = models.watch_memory()
        drawing_of = task.run(request, ctx) if plot is None else plot.draw(task.run, ctx)
        # Closed at once when saving fails: the generator holds the lease of the model.
        with closing(_each(drawing_of)) as drawing:
            for drawn in map(hooked, drawing):
                ctx.saving(len(pictures))
                picture, text = save(parts, holding, ctx, drawn, len(pictures))
                pictures.append(picture)
                texts.append(text)
        if not pictures:
            raise RuntimeError(f"task {job.task} drew nothing")
        hooked.finish()
        progress.finish()
        history.remember_memory(peak())
        return Result(
            job_id=job.id,
            task=job.task,
            request=request.model_dump(mode="json"),
            pictures=pictures,
            parameters=texts[0],
            environment=ctx.environment,
            timings={stage: round(seconds, 4) for stage, seconds in progress.seconds.items()},
            warnings=ctx.warnings,
        )

    def _history(self, request: Request) -> History:
        return History(Timings(self._parts.database), request, device_of(self.models(), self._parts.settings))


def _each(drawing: Iterable[Drawn]) -> Generator[Drawn, None, None]:
    # Closing this closes what it draws from, if that can be closed: an author's task may return a plain list.
    yield from drawing
