"""Drawing a plot: its cells one after another, except those that an earlier attempt finished, then the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.grid import Grid
from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.images.raster import Raster
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.protocols import Drawn, TaskContext, TaskFunction
from sdtoolbox.schema.plots import Plot
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Picture
from sdtoolbox.tasks.plotting import Place, cells_of
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.parts import Parts
from sdtoolbox.workers.plot_progress import pictures_of


class PlotJob:
    """A job whose request has a plot; `pictures` is the list to which the saved pictures are added in order."""

    def __init__(self, parts: Parts, holding: Holding, request: Request, pictures: Sequence[Picture]) -> None:
        self.request = request
        self.places: list[tuple[Place, Request]] = cells_of(request)
        self._parts = parts
        self._pictures = pictures
        self._saved_before = list(parts.queue.pictures(holding.job.id))
        self._firsts: dict[Place, int] = {}  # at which place of the job each cell's first picture lies

    @property
    def cells(self) -> list[Request]:
        """The cells' requests in the order in which they are drawn."""
        return [cell for _, cell in self.places]

    def draw(self, run: TaskFunction, ctx: JobContext) -> Iterator[Drawn]:
        """The pictures of all cells, then the grid of the first one of each."""
        drawn_last = True
        for number, (place, cell) in enumerate(self.places):
            ctx.begin_cell(number, drawn_last=drawn_last)
            self._firsts[place] = len(self._pictures)
            kept = list(self._kept(cell, ctx))
            drawn_last = not kept
            yield from kept or run(cell, ctx)
        ctx.check_cancelled()
        yield Drawn(self._grid(), int(getattr(self.request, "seed", 0)), self.request, 0)

    def _kept(self, cell: Request, ctx: TaskContext) -> Iterator[Drawn]:
        """What an earlier attempt of this job saved of a cell, if it is whole; read back, not drawn again."""
        start = len(self._pictures)
        found = self._saved_before[start : start + pictures_of(cell)]
        if len(found) < pictures_of(cell):
            return
        exacts = [self._exact(identity) for identity in found]
        if not all(exact is not None and _draws(exact, cell) for exact in exacts):
            return
        for identity, exact in zip(found, exacts, strict=True):
            assert exact is not None
            ctx.environment.update(exact["environment"])
            image = open_picture(self._parts.store.path(identity))
            yield Drawn(image, exact["seed"], type(cell).parse(exact["request"]), exact["index"], kept=identity)

    def _exact(self, identity: str) -> dict[str, Any] | None:
        try:
            return read_text(self._parts.store.path(identity)).exact
        except UserError:  # the file was moved away meanwhile
            return None

    def _grid(self) -> Image.Image:
        plot: Plot = getattr(self.request, "plot")  # noqa: B009 - only some requests have one
        assert plot.plan is not None
        firsts = {place: self._pictures[at] for place, at in self._firsts.items()}
        sizes = {place: (picture.width, picture.height) for place, picture in firsts.items()}

        def shown(place: Place) -> Image.Image:
            return Raster.read(self._parts.store.path(firsts[place].id)).picture()

        return Grid(plot.plan.legends, plot.margin, plot.legend).draw(sizes, shown)


def _draws(exact: dict[str, Any], cell: Request) -> bool:
    """Whether a saved picture is of this cell: its own batch may have other seeds and words decided by them."""
    stored, wanted = exact.get("request"), cell.model_dump(mode="json")
    differ = ("seed", "variation_seed", "batch_count", "wordings", "prompt", "negative_prompt", "adapters")
    return isinstance(stored, dict) and all(stored.get(k) == v for k, v in wanted.items() if k not in differ)
