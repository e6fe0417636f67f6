"""A finished picture on its way into the store: its texts, its bytes, its rows, in the order that survives a crash."""

from __future__ import annotations

from functools import partial

from sdtoolbox.images.metadata import png_pieces, read_text
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.store import ImageStore, Stored
from sdtoolbox.images.video.remaking import Film
from sdtoolbox.images.video.writing import MEDIA_TYPE, SUFFIX
from sdtoolbox.images.views import LARGE, view_of
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.results import Picture
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.describing import Said, described
from sdtoolbox.workers.parts import Parts

PIECE = 2**20


def save(parts: Parts, holding: Holding, ctx: JobContext, drawn: Drawn, position: int) -> tuple[Picture, str]:
    """Write the picture's file, then its rows, then tell the watchers; returns it with its A1111 text.

    UserError DISK_FULL if it cannot be written, JobLostError if the job was taken away meanwhile.
    """
    if drawn.kept:
        return _kept(parts, holding, ctx, drawn, position)
    said = described(parts, drawn.request, ctx.environment, drawn.measured, seed=drawn.seed, index=drawn.index)
    stored = _written(parts.store, drawn, said, f"{holding.job.number:05d}-{drawn.seed}")
    holding.add_picture(position, stored, parts.store)
    ctx.picture_saved(position, stored.id)
    picture = Picture(
        id=stored.id,
        seed=drawn.seed,
        width=stored.width,
        height=stored.height,
        request=said.exact["request"],
        index=drawn.index,
        file=stored.file,
        media=MEDIA_TYPE if isinstance(drawn.image, Film) else "image/png",
        measured=dict(drawn.measured),
    )
    return picture, said.parameters


def _written(store: ImageStore, drawn: Drawn, said: Said, stem: str) -> Stored:
    """The file of a picture or a video in the store, and a view of it where no browser shows the file as a picture."""
    if isinstance(drawn.image, Film):
        width, height = drawn.image.size
        pieces = iter(partial(drawn.image.file.read, PIECE), b"")
        stored = store.write(pieces, width=width, height=height, request=said.exact, stem=stem, suffix=SUFFIX)
        store.add_view(stored.id, view_of(drawn.image.first))
        return stored
    raster = drawn.image if isinstance(drawn.image, Raster) else Raster.of(drawn.image)
    width, height = raster.size
    pieces = png_pieces(raster, said.parameters, said.exact)
    stored = store.write(pieces, width=width, height=height, request=said.exact, stem=stem)
    if width * height >= LARGE:
        store.add_view(stored.id, view_of(raster))
    return stored


def _kept(parts: Parts, holding: Holding, ctx: JobContext, drawn: Drawn, position: int) -> tuple[Picture, str]:
    """A picture of an earlier attempt at this job stays what it is: only its place in the job is written."""
    path = parts.store.path(drawn.kept)
    width, height = drawn.image.size
    file = path.relative_to(parts.store.folder.resolve()).as_posix()
    stored = Stored(drawn.kept, file, width, height, read_text(path).exact or {})
    holding.add_picture(position, stored, parts.store)
    ctx.picture_saved(position, stored.id)
    request = drawn.request.model_dump(mode="json")
    picture = Picture(
        id=drawn.kept, seed=drawn.seed, width=width, height=height, request=request, index=drawn.index, file=file
    )
    return picture, read_text(path).parameters or ""
