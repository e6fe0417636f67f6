"""The toolbox: one object that holds everything together, and the Python API. It never imports torch itself.

>>> with Toolbox.open() as toolbox:
...     result = toolbox.run("txt2img", prompt="a big red house in a meadow", seed=1)
...     print(toolbox.picture_path(result.pictures[0].id))
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.extensions.states import States
from sdtoolbox.images.inputs import Input, InputKind
from sdtoolbox.images.masks import is_empty, mask_png
from sdtoolbox.images.metadata import read_texts
from sdtoolbox.images.raster import Box, Raster
from sdtoolbox.jobs.hook_times import HookTime
from sdtoolbox.jobs.hooks import Hooked, Hooks
from sdtoolbox.jobs.loaded import Loaded, LoadedModels
from sdtoolbox.jobs.recovery import Recovery
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.prompts.styles import StyleFile
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Event, Job, JobState, Result
from sdtoolbox.selectors.selecting import select
from sdtoolbox.settings import Settings, load_settings
from sdtoolbox.tasks.recall import Recalled, recall
from sdtoolbox.tasks.resolve import resolve
from sdtoolbox.workers.inline import InlineWorker, Nurse
from sdtoolbox.workers.parts import Parts
from sdtoolbox.workers.preflight import Preflight, preflight
from sdtoolbox.workers.supervisor import Supervisor

R = TypeVar("R", bound=Request)
OnEvent = Callable[[Event], None]


class Toolbox:
    """Submit requests, watch their jobs, get pictures. Safe to use from any thread; close it, or use `with`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.settings = parts.settings
        self.registries = parts.registries
        self.reports = parts.reports
        self.catalog = parts.catalog
        self.database = parts.database
        self.queue = parts.queue
        self.store = parts.store
        self.wildcards = Wildcards(parts.settings.wildcards)
        self.styles = StyleFile(parts.settings.styles)
        self._hooks = Hooks(parts.registries, parts.database)
        self._lock = threading.Lock()
        self._supervisor: Supervisor | None = None
        self._inline: InlineWorker | None = None

    @classmethod
    def open(cls, settings: Settings | None = None, **overrides: Any) -> Self:
        """The toolbox of these settings, or of this machine's with some overridden; UserError if they are wrong."""
        parts = Parts.open(settings if settings is not None else load_settings(**overrides))
        Recovery(parts.queue).sweep(dead_only=True)  # nobody is shown a job that runs in a dead process
        return cls(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers of this toolbox and close the database; what they had in hand waits for the next start."""
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._inline is not None:
            self._inline.close()
        self.catalog.close()
        self.database.close()

    # Requests

    def parse(self, task: str, values: Mapping[str, Any]) -> Request:
        """The request of a task with these values by field; `InvalidRequest` names every field at fault."""
        request: type[Request] = self.registries.tasks.get(task).value.request
        return request.parse(values)

    def resolve(self, request: R) -> R:
        """The same request with nothing left open; a model that came to disk meanwhile is found."""
        try:
            return self._resolved(request)
        except UserError as error:
            problems = error.problems if isinstance(error, InvalidRequest) else (error,)
            if all(problem.code != "MODEL_MISSING" for problem in problems):
                raise
        self.catalog.refresh()
        return self._resolved(request)

    def _resolved(self, request: R) -> R:
        return resolve(
            request, self.registries, self.catalog, wildcards=self.wildcards, styles=self.styles, store=self.store
        )

    def preflight(self, request: Request) -> Preflight:
        """What a request is likely to take on this machine; `UserError` where something in it is unknown."""
        return preflight(Timings(self.database), self.loaded(), self._resolved(request))

    def recall(self, source: Path | bytes | str, task: str = "txt2img") -> Recalled:
        """What a picture file, or a text that somebody pasted, says for a task's request, whichever program wrote it.

        UserError IMAGE_INVALID if it is no picture, or one that says nothing.
        """
        request: type[Request] = self.registries.tasks.get(task, "task").value.request
        texts = {"parameters": source} if isinstance(source, str) else read_texts(source)
        found = recall(texts, request, self.registries, self.catalog, self._has_picture)
        if found is None:
            raise UserError(
                "IMAGE_INVALID",
                "the picture does not say how it was drawn.",
                "Use the file as the program saved it: most websites and editors drop that text.",
            )
        return found

    def _has_picture(self, identity: str) -> bool:
        try:
            return self.store.path(identity).is_file()
        except UserError:
            return False

    def submit(self, request: Request, client: str = "") -> str:
        """Put a request into the durable queue and return the job's id; UserError if it cannot be drawn."""
        asked = self._hooks.on_request(request)
        return self.queue.submit(self.resolve(asked.value), client, warnings=asked.warnings)

    # Jobs

    def job(self, job_id: str) -> Job:
        """A job by its id; UserError JOB_MISSING if there is none."""
        return self.queue.get(job_id)

    def jobs(self, states: Sequence[JobState] | None = None, limit: int = 100) -> list[Job]:
        """The newest jobs, the newest first, only those in `states` if given."""
        return self.queue.list(states, limit)

    def event(self, job_id: str) -> Event:
        """Where a job stands now."""
        return self.queue.event(job_id)

    def preview(self, job_id: str) -> bytes | None:
        """A small JPEG of the picture in the making, or None."""
        return self.queue.preview(job_id)

    def watch(self, job_id: str) -> Iterator[Event]:
        """The current event, then each change, until the job has ended."""
        return self.queue.watch(job_id)

    def awatch(self, job_id: str) -> AsyncIterator[Event]:
        """As `watch`, for event loops."""
        return self.queue.awatch(job_id)

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; True means that it ends as cancelled, False that it had ended already or is not there."""
        return self.queue.cancel(job_id)

    def cancel_all(self) -> int:
        """Cancel every job that has not ended; how many that were."""
        return self.queue.cancel_all()

    def result(self, job_id: str) -> Result:
        """What a job made; raises the job's `UserError` if it failed, was cancelled or is not done yet."""
        job = self.queue.get(job_id)
        if job.result is not None:
            return job.result
        if job.error is not None:
            raise UserError.from_dict(job.error)
        if job.state == "cancelled":
            raise UserError("CANCELLED", f"job {job.number} was cancelled.", "Pictures finished before that are kept.")
        raise UserError(
            "JOB_MISSING", f"job {job.number} has no result yet: it is {job.state}.", "Watch it until it is done."
        )

    def picture_path(self, picture_id: str) -> Path:
        """The file of a picture in the store, output or input; UserError IMAGE_INVALID if it is not there."""
        return self.store.path(picture_id)

    # Extensions

    def switch_extension(self, name: str, *, on: bool) -> None:
        """Switch an extension on or off, here and in every worker; jobs in hand are finished as they began.

        UserError PARAM_INVALID if there is none of this name.
        """
        if name not in (known := [report.name for report in self.reports]):
            hint = f"There are: {', '.join(known) or 'none'}."
            raise UserError("PARAM_INVALID", f"there is no extension {name[:80]!r}.", hint, "name")
        self._next_extensions(**{"enable" if on else "disable": name})

    def reload_extensions(self) -> None:
        """Read all extensions anew, here and in every worker. Of an installed package this process keeps what it has
        imported."""
        self._next_extensions()

    @property
    def extensions_outdated(self) -> bool:
        """Whether another process has switched extensions, or wants them read anew."""
        return self._parts.outdated

    def follow_extensions(self) -> None:
        """Load the extensions as another process left them."""
        with self._lock:
            self._parts.reload()

    def _next_extensions(self, **change: str) -> None:
        with self._lock:
            file = self.settings.extension_states
            States.read(file).changed(**change).write(file)
            self._hooks.forgive()
            self._parts.reload()

    def hook_times(self) -> list[HookTime]:
        """How often each hook of an extension was called, how long it took, how often it failed, in every process."""
        return self._hooks.times()

    # Pictures that come in

    def add_picture(self, source: bytes | Path, name: str = "") -> str:
        """Keep a picture or video file and return the id by which requests name it; UserError if it cannot be read."""
        return self.store.inputs.add(source, "picture", name).id

    def add_mask(self, source: bytes | Path, name: str = "") -> str:
        """As `add_picture`, for a mask: white, or what is drawn on a transparent layer, is repainted."""
        return self.store.inputs.add(source, "mask", name).id

    def select(
        self,
        selector: str,
        image: str,
        points: Sequence[tuple[int, int]] = (),
        box: Box | None = None,
        excluded: Sequence[tuple[int, int]] = (),
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """A mask of what was pointed at in a stored picture: its id, to be named in requests.

        `selector` is a registered one; points are (x, y), a box is left, top, right and bottom, in pixels of the
        picture as it is seen upright. UserError if nothing was pointed at, or nothing found.
        """
        entry = self.registries.selectors.get(selector, "selector")
        pixels = np.asarray(Raster.read(self.picture_path(image)).picture())
        mask = select(entry, pixels, points, box, excluded, options)
        if is_empty(mask):
            raise UserError("MASK_INVALID", f"{entry.label} found nothing there.", "Point somewhere else.", "points")
        return self.add_mask(mask_png(mask), entry.label)

    def inputs(self, kind: InputKind | None = None, limit: int = 100) -> list[Input]:
        """The pictures and masks that were added, the newest first."""
        return self.store.inputs.list(kind, limit)

    # Drawing right away

    def run(self, task: str, **values: Any) -> Result:
        """Draw and wait: a live worker does it, or this process if there is none; raises the job's `UserError`."""
        return self.run_request(self.parse(task, values))

    def run_request(
        self, request: Request, *, on_event: OnEvent | None = None, inline: bool = False, hooked: bool = False
    ) -> Result:
        """As `run`, for a request; `on_event` hears of each change; `inline` draws here even beside a live server.

        `hooked` says that extensions' hooks have seen the request already: it is drawn as it is. Ctrl+C, or an
        exception in `on_event`, cancels the job.
        """
        asked = Hooked(request) if hooked else self._hooks.on_request(request)
        request = self.resolve(asked.value)
        serving = self._supervisor is not None and self._supervisor.running
        inline = inline or not (serving or self.live_workers())
        worker = self._inline_worker().id if inline else None
        job_id = self.queue.submit(request, reserved_for=worker, warnings=asked.warnings)
        patience = None if serving else self.settings.lease_seconds
        nurse = Nurse(self.queue, job_id, self._inline_worker, patience)
        try:
            if inline:
                nurse.draw_here()
            for event in self.queue.watch(job_id, poll=0.05, idle=nurse.look):
                if on_event is not None:
                    on_event(event)
        except BaseException:
            self.queue.cancel(job_id)
            raise
        finally:
            nurse.wait()
        return self.result(job_id)

    def _inline_worker(self) -> InlineWorker:
        with self._lock:
            if self._inline is None:
                self._inline = InlineWorker(self._parts)
            return self._inline

    # Workers

    def live_workers(self) -> int:
        """How many worker processes, of this server or another, would take a job of this home folder."""
        return len(self.queue.presence.live())

    def start_workers(self) -> Supervisor:
        """Start the worker process and keep it alive until the toolbox is closed or `stop()` is called.

        From now on the model folders are looked through in the background too.
        """
        with self._lock:
            if self._supervisor is None or not self._supervisor.running:
                self._hooks.forgive()
                self._supervisor = Supervisor(self._parts)
                self._supervisor.start()
                self.catalog.start_scanning(hashes=self.settings.background_hashes)
            return self._supervisor

    def loaded(self) -> list[Loaded]:
        """What the workers of this home folder, and inline runs, hold in memory now."""
        return LoadedModels(self.database).list()

    def unload(self, model_id: str) -> bool:
        """Ask whoever holds a model to drop it, once no job uses it; False if nobody does."""
        return LoadedModels(self.database).request_unload(model_id)
