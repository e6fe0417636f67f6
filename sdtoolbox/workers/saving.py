"""A finished picture on its way into the store: its texts, its bytes, its rows, in the order that survives a crash."""

from __future__ import annotations

from typing import Any

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_pieces, read_text
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.store import Stored
from sdtoolbox.images.views import LARGE, view_of
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.schema.results import Picture
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.parts import Parts


def save(parts: Parts, holding: Holding, ctx: JobContext, drawn: Drawn, position: int) -> tuple[Picture, str]:
    """Write the picture's file, then its rows, then tell the watchers; returns it with its A1111 text.

    UserError DISK_FULL if it cannot be written, JobLostError if the job was taken away meanwhile.
    """
    if drawn.kept:
        return _kept(parts, holding, ctx, drawn, position)
    text = _parameters(parts, ctx, drawn)
    request = drawn.request.model_dump(mode="json")
    # Nothing here may depend on time, job or speed: the same picture must have the same bytes.
    exact = {
        "sdtoolbox": __version__,
        "task": drawn.request.task,
        "request": request,
        "index": drawn.index,
        "seed": drawn.seed,
        "environment": ctx.environment,
    }
    if drawn.measured:
        exact["measured"] = dict(drawn.measured)
    raster = drawn.image if isinstance(drawn.image, Raster) else Raster.of(drawn.image)
    width, height = raster.size
    stored = parts.store.write(
        png_pieces(raster, text, exact),
        width=width,
        height=height,
        request=exact,
        stem=f"{holding.job.number:05d}-{drawn.seed}",
    )
    if width * height >= LARGE:
        parts.store.add_view(stored.id, view_of(raster))
    holding.add_picture(position, stored, parts.store)
    ctx.picture_saved(position, stored.id)
    picture = Picture(
        id=stored.id,
        seed=drawn.seed,
        width=width,
        height=height,
        request=request,
        index=drawn.index,
        file=stored.file,
        measured=dict(drawn.measured),
    )
    return picture, text


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


def _parameters(parts: Parts, ctx: JobContext, drawn: Drawn) -> str:
    request = drawn.request
    checkpoint, vae = getattr(request, "checkpoint", None), getattr(request, "vae", None)
    return parameters_text(
        request,
        seed=drawn.seed,
        index=drawn.index,
        checkpoint=None if checkpoint is None else _identity(parts, checkpoint, ctx.environment.get("checkpoint")),
        registries=parts.registries.by_name(),
        vae=None if vae is None else _identity(parts, vae, ctx.environment.get("vae")),
        adapters={one.adapter: _adapter(parts, one.adapter) for one in getattr(request, "adapters", ())},
        models=_others(parts, request),
    )


def _others(parts: Parts, request: Request) -> dict[str, dict[str, Any]]:
    """Name and, where it is known, SHA-256 of the checkpoints of later passes, and of networks that restore."""
    shelves = "checkpoints", "upscalers"
    shelved = [name for name in type(request).model_fields if control_of(type(request), name).choices in shelves]
    named = {str(value) for name in shelved if (value := getattr(request, name)) is not None}
    found: dict[str, dict[str, Any]] = {}
    for identity in named | set(getattr(request, "restorers", ())):
        try:
            entry = parts.catalog.get(identity)
            found[identity] = {"name": entry.name, "sha256": parts.catalog.hashes(entry).get("sha256", "")}
        except UserError:  # removed meanwhile, and its id stays in the text; or no network at all
            continue
    return found


def _identity(parts: Parts, identity: str, recorded: Any) -> dict[str, Any]:
    """Name and SHA-256 of a model as the engine wrote them down when it drew, or as the catalog has the name."""
    if isinstance(recorded, dict) and "name" in recorded:
        return {"sha256": ""} | recorded
    return {"name": _name(parts, identity), "sha256": ""}


def _adapter(parts: Parts, identity: str) -> dict[str, Any]:
    try:
        entry = parts.catalog.get(identity)
        return {"name": entry.name, "autov3": parts.catalog.autov3(entry)}
    except UserError:  # it was removed while it drew: the picture is kept all the same
        return {"name": identity, "autov3": ""}


def _name(parts: Parts, identity: str) -> str:
    try:
        return parts.catalog.get(identity).name
    except UserError:
        return identity
