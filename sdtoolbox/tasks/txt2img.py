"""Text to image: from noise to a picture, guided by a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import Batch
from sdtoolbox.tasks.hires import enlarged, first_drawing, second_batch, second_request, second_size, second_work
from sdtoolbox.tasks.leases import Seat
from sdtoolbox.tasks.lending import drawn_with, lent
from sdtoolbox.tasks.passes import Pass

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def run(request: Txt2Img, ctx: TaskContext) -> Iterator[Drawn]:
    """Draw the pictures of a resolved request, batch after batch; the same words are encoded once.

    NUMERIC where the network fails, OUT_OF_MEMORY where the pictures do not fit; never a black picture.
    """
    for said, group in diffusion.by_words(request):
        yield from _draw(said, group, ctx)


def _draw(request: Txt2Img, group: Iterator[Batch[Txt2Img]], ctx: TaskContext) -> Iterator[Drawn]:
    """Draw batches that say the same: once, or twice with hires fix, the last time with the refiner if there is one."""
    with Seat(ctx) as seat:
        model = lent(seat, request)
        refiner = lent(seat, request, "refiner") if request.refiner else None
        first = Pass(model, request, ctx, refiner=None if request.hires else refiner)
        second: Pass | None = None
        if request.hires:
            larger = lent(seat, request, "hires_checkpoint") if request.hires_checkpoint else model
            strength, work = request.hires_strength, second_work(request)
            asked = second_request(request)
            second = Pass(larger, asked, ctx, strength=strength, refiner=refiner, step_work=work, stage="redrawing")
        used = drawn_with(request, model, refiner, hires_checkpoint=second.model if second else model)
        for batch in group:
            if second is None:
                latents = first.latents(batch)
            else:
                # Cells of a plot that differ in the second drawing alone share the first.
                latents = ctx.once(first_drawing(batch.request), partial(first.latents, batch))
                large = enlarged(latents, batch, ctx, drawn_by=model, for_model=second.model)
                latents = second.latents(second_batch(batch), large)
            diffusion.check_not_constant(latents)
            size = second_size(request) if second is not None else None
            last = second or first
            yield from diffusion.decoded(
                last.last_model, batch, ctx, latents, size=size, drawn_with=used, measured=last.measured
            )


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Txt2Img, run, label="txt2img")
