"""A finished picture on its way into the store: its texts, its bytes, its rows, in the order that survives a crash."""

from __future__ import annotations

from typing import Any

from sdtoolbox import __version__
from sdtoolbox.images.metadata import png_bytes
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Picture
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.parts import Parts


def save(parts: Parts, holding: Holding, ctx: JobContext, drawn: Drawn, position: int) -> tuple[Picture, str]:
    """Write the picture's file, then its rows, then tell the watchers; returns it with its A1111 text.

    UserError DISK_FULL if it cannot be written, JobLostError if the job was taken away meanwhile.
    """
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
    width, height = drawn.image.size
    stored = parts.store.write(
        png_bytes(drawn.image, text, exact),
        width=width,
        height=height,
        request=exact,
        stem=f"{holding.job.number:05d}-{drawn.seed}",
    )
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
    )
    return picture, text


def _parameters(parts: Parts, ctx: JobContext, drawn: Drawn) -> str:
    return parameters_text(
        drawn.request,
        seed=drawn.seed,
        index=drawn.index,
        checkpoint=_checkpoint(parts, ctx, drawn.request),
        registries=parts.registries.by_name(),
    )


def _checkpoint(parts: Parts, ctx: JobContext, request: Request) -> dict[str, Any]:
    recorded = ctx.environment.get("checkpoint")
    if isinstance(recorded, dict) and "name" in recorded:
        return {"sha256": ""} | recorded
    identity = getattr(request, "checkpoint", None)
    name = next((known.name for known in parts.catalog if known.id == identity), str(identity))
    return {"name": name, "sha256": ""}
