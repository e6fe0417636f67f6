"""The task's window to the world: models, progress, previews, cancelling; see `protocols.TaskContext`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from PIL.Image import Image

from sdtoolbox.errors import Cancelled
from sdtoolbox.extensions import Registries
from sdtoolbox.faults import reach
from sdtoolbox.images.metadata import video_tags
from sdtoolbox.images.raster import Raster
from sdtoolbox.jobs.holding import Holding, JobLostError
from sdtoolbox.protocols import DiffusionModel, Eraser, Restorer
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Stage
from sdtoolbox.workers.describing import described
from sdtoolbox.workers.parts import Models, Parts
from sdtoolbox.workers.plot_progress import PlotProgress
from sdtoolbox.workers.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
MOST_KEPT = 16
"""Things made once that are kept: latents of first passes, which the cells of a plot may share."""
SECONDS_BETWEEN_EVENTS = 0.3
SECONDS_BETWEEN_LOOKS = 0.05
"""How old the answer to "has anybody cancelled?" may be: a step of one millisecond need not ask the disk."""
PREVIEW_SIDE = 256
PREVIEW_QUALITY = 80


class JobContext:
    """What one run of one job may touch, and the way its events go out."""

    def __init__(
        self, parts: Parts, holding: Holding, models: Models, progress: Progress | PlotProgress, lost: Event
    ) -> None:
        self.registries: Registries = parts.registries
        self.environment: dict[str, Any] = {}
        self.warnings: list[str] = list(holding.job.warnings)
        self.finished: list[str] = list(parts.queue.pictures(holding.job.id))
        self._parts = parts
        self._queue = parts.queue
        self._store = parts.store
        self._holding = holding
        self._models = models
        self._progress = progress
        self._lost = lost
        self._looked = self._published = self._shown = 0.0
        self._place = (0, 1)
        self._made: dict[str, Any] = {}

    def lease(
        self, checkpoint: str, adapters: Sequence[Adapter] = (), vae: str | None = None
    ) -> AbstractContextManager[DiffusionModel]:
        """The loaded model of this catalog id, with these adapters and this VAE until the block ends."""
        self.check_cancelled()
        return self._models.lease(checkpoint, adapters, vae, on_loading=self._loading)

    def eraser(self, eraser: str) -> Eraser:
        """The network of this catalog id that erases; each call leases it, and writes it into `environment`."""

        def erase(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
            self.check_cancelled()
            with self._models.eraser(eraser, on_loading=self._loading) as network:
                painted = network(pixels, mask)
                self.environment.update(network.environment)
                return painted

        return erase

    def restorer(self, restorer: str) -> AbstractContextManager[Restorer]:
        """The network of this catalog id that cleans or enlarges, kept loaded until the block ends."""
        self.check_cancelled()
        return self._models.restorer(restorer, on_loading=self._loading, watch=self.check_cancelled)

    def picture(self, identity: str) -> Raster:
        """A picture of the store by its id, decoded."""
        return Raster.read(self._store.path(identity))

    def picture_path(self, identity: str) -> Path:
        """The file of a picture of the store."""
        return self._store.path(identity)

    def scratch(self) -> BinaryIO:
        """A file without a name on the disk of the results."""
        return self._store.scratch()

    def tags(self, request: Request, measured: Mapping[str, float]) -> Mapping[str, str]:
        """What a video file of this request says about itself."""
        said = described(self._parts, request, self.environment, measured)
        return video_tags(said.parameters, said.exact)

    def begin_cell(self, number: int, *, drawn_last: bool) -> None:
        """The next cell of a plot comes now; `drawn_last` if the one before it was drawn, not taken as it was."""
        assert isinstance(self._progress, PlotProgress)
        self._progress.begin(number, drawn=drawn_last)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make()` gives, or gave before under this key in this job; only the latest few are kept."""
        made = self._made.pop(key) if key in self._made else make()
        self._made[key] = made
        for oldest in list(self._made)[:-MOST_KEPT]:
            del self._made[oldest]
        return made

    def _loading(self, *_: Any) -> None:
        self.stage("loading", picture=self._place[0], pictures_total=self._place[1])

    def stage(self, stage: Stage, *, picture: int = 0, pictures_total: int = 1, work: float = 1.0) -> None:
        """Say what is being done now; told to the watchers at once."""
        self._looked = 0.0  # a stage may be long and not look by itself
        self.check_cancelled()
        self._place = picture, pictures_total
        self._progress.stage(stage, picture, pictures_total, work)
        self._publish()

    def step(self, done: float, *, step: int | None = None, steps: int | None = None) -> None:
        """Say how much of the current stage is done; told to the watchers a few times a second."""
        reach("step")
        self.check_cancelled()
        self._progress.step(done, step, steps)
        if time.monotonic() - self._published >= SECONDS_BETWEEN_EVENTS:
            self._publish()

    def wants_preview(self) -> bool:
        """True when the last preview is old enough for another to be worth its time."""
        return time.monotonic() - self._shown >= SECONDS_BETWEEN_EVENTS

    def preview(self, image: Image) -> None:
        """Show a picture in the making, as a small JPEG; dropped if the last one was shown just now."""
        if not self.wants_preview():
            return
        small = image.convert("RGB")
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        buffer = BytesIO()
        small.save(buffer, "JPEG", quality=PREVIEW_QUALITY)
        self._publish(buffer.getvalue())
        self._shown = time.monotonic()

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if somebody cancelled the job, `JobLostError` if it was taken away."""
        if self._lost.is_set():
            raise JobLostError(self._holding.job.id)
        now = time.monotonic()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            if self._queue.cancel_requested(self._holding.job.id):
                raise Cancelled

    def saving(self, position: int) -> None:
        """Say that a picture is being saved; not a moment to cancel: what is finished is kept."""
        self._progress.stage("saving", position, self._place[1], 1.0)
        self._publish()

    def picture_saved(self, position: int, identity: str) -> None:
        """Tell the watchers of a finished picture; a second attempt replaces what the first one left."""
        self.finished[position : position + 1] = [identity]
        self._publish()

    def _publish(self, preview: bytes | None = None) -> None:
        self._holding.publish(self._progress.event() | {"finished": self.finished}, preview)
        self._published = time.monotonic()
