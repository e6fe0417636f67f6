"""Inpainting: a masked part of a picture is drawn anew, or more around it; what is not meant stays bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sdtoolbox.images import masks
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.seams import seam_score
from sdtoolbox.protocols import DiffusionModel, Drawn, Mask, TaskContext
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import Batch, concrete
from sdtoolbox.tasks.leases import Seat
from sdtoolbox.tasks.lending import drawn_with, lent
from sdtoolbox.tasks.masking import meant
from sdtoolbox.tasks.repainting import Part, Repainting, Window
from sdtoolbox.tasks.widening import Widening, widened, widenings

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

SETTLING = 0.7
"""How strongly what was drawn beyond an edge is drawn again, and how that falls from each time to the next."""


def run(request: Inpaint, ctx: TaskContext) -> Iterator[Drawn]:
    """Repaint what is masked of a resolved request's picture, then draw what lies beyond it, batch after batch.

    NUMERIC where the network fails, OUT_OF_MEMORY where the pictures do not fit.
    """
    source = ctx.picture(concrete(request.image))
    mask = meant(request, source.size, ctx.picture_path)
    for said, group in diffusion.by_words(request):
        yield from _draw(said, group, source, mask, ctx)


def _draw(
    request: Inpaint, group: Iterator[Batch[Inpaint]], source: Raster, mask: Mask | None, ctx: TaskContext
) -> Iterator[Drawn]:
    passes = widenings(request, source.size)
    with Seat(ctx) as seat:
        model = lent(seat, request)
        refiner = lent(seat, request, "refiner") if request.refiner else None
        inside: Repainting | None = None
        if mask is not None:
            part = Part(source, mask, window(mask, source.size, request))
            inside = Repainting(part, request, ctx, model, refiner)
        for batch in group:
            each = len(passes) + (inside is not None)  # of what one picture is drawn
            here = replace(batch, first=batch.first * each, pictures_total=batch.pictures_total * each)
            rasters = inside.pictures(here) if inside is not None else [source] * batch.request.batch_size
            for i, raster in enumerate(rasters):
                single = _alone(here, i, here.first + (i + 1) * each - len(passes))
                told = inside.measured[i] if inside is not None and inside.measured else {}
                wide, whole_mask, told = _beyond(raster, mask, passes, single, ctx, model, refiner, told)
                diffusion.tell(ctx, drawn_with(request, model, refiner))
                measured = {**told, "seam": round(seam_score(wide.picture(), whole_mask), 3)}
                yield Drawn(wide, batch.seeds[i], batch.request, i, measured=measured)


def window(mask: Mask, size: tuple[int, int], request: Inpaint) -> Window:
    """What the network sees of a picture of `size`: all of it, or what is masked with its blur and some padding."""
    width, height = concrete(request.width), concrete(request.height)
    box = None
    if request.area == "masked":
        box = masks.box_of(masks.opacity(mask, request.mask_blur))
    if box is None:
        return Window((0, 0, *size), (width, height))
    return Window(masks.framed(box, size, request.padding, width / height), (width, height))


def _alone(batch: Batch[Inpaint], i: int, first: int) -> Batch[Inpaint]:
    """One picture of a batch by itself: beyond its edge each has a neighbourhood of its own."""
    request = batch.request
    counted = "variation_seed" if request.variation_strength > 0 else "seed"
    own = request.model_copy(update={"batch_size": 1, counted: getattr(request, counted) + i})
    return replace(batch, request=own, first=first)


def _beyond(
    raster: Raster,
    mask: Mask | None,
    passes: list[Widening],
    batch: Batch[Inpaint],
    ctx: TaskContext,
    model: DiffusionModel,
    refiner: DiffusionModel | None,
    told: Mapping[str, float],
) -> tuple[Raster, Mask, Mapping[str, float]]:
    """The picture with all that is drawn beyond its edges, and the mask of everything that was drawn.

    And what the sampler last reported; `told`, if nothing is drawn.
    """
    request = batch.request
    for number, one in enumerate(passes):
        part = widened(raster, one, request)
        here = replace(batch, first=batch.first + number)
        settling = [SETTLING ** (i + 1) for i in range(request.outpaint_settling)]
        drawing = Repainting(part, request, ctx, model, refiner, settling)
        (raster,) = drawing.pictures(here)
        told = drawing.measured[0] if drawing.measured else told
    return raster, everything_drawn(mask, request, raster.size), told


def everything_drawn(mask: Mask | None, request: Inpaint, size: tuple[int, int]) -> Mask:
    """The mask of a finished picture of `size`: what was masked of the one that was given, and all beyond it."""
    import numpy as np

    whole = np.ones((size[1], size[0]), np.float32)
    rows = slice(request.outpaint_top, size[1] - request.outpaint_bottom)
    columns = slice(request.outpaint_left, size[0] - request.outpaint_right)
    whole[rows, columns] = 0 if mask is None else mask
    return whole


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Inpaint, run, label="Inpaint")
