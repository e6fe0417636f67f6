"""Image to image: a picture is encoded, noised as far as the strength says, and drawn from there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sdtoolbox.changes import Change, Instruct, Tiles
from sdtoolbox.protocols import DiffusionModel, Drawn, TaskContext
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.requests import Request
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import Batch, again, concrete
from sdtoolbox.tasks.leases import Seat
from sdtoolbox.tasks.lending import drawn_with, lent
from sdtoolbox.tasks.passes import Pass
from sdtoolbox.tasks.preparing import prepared
from sdtoolbox.tasks.resizing import resized

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from sdtoolbox.extensions import Extension
    from sdtoolbox.images.raster import Raster

CURVES: Mapping[str, Callable[[float], float]] = {
    "aggressive": lambda share: math.sin(share * math.pi / 2),
    "linear": lambda share: share,
    "lazy": lambda share: 1 - math.cos(share * math.pi / 2),
}
"""How much of the way from the first strength to the last one lies behind after a share of the loops."""


def run(request: Img2Img, ctx: TaskContext) -> Iterator[Drawn]:
    """Draw a resolved request's picture anew, batch after batch, loop after loop.

    The result has the depth, the profile and the alpha of the picture; at strength 0 it is the picture, bit for bit
    where it is not resized. A preprocessor changes the picture before all this. NUMERIC where the network fails,
    OUT_OF_MEMORY where the pictures do not fit.
    """
    source = ctx.picture(concrete(request.image))
    if request.resize_mode == "latent":  # it is encoded as it is, and its latents are resized
        source = prepared(source, request, ctx)
        target = resized(source, request, ctx)
    else:
        target = prepared(resized(source, request, ctx), request, ctx)
    for said, group in diffusion.by_words(request):
        yield from _draw(said, group, source, target, ctx)


def strengths(request: Img2Img) -> list[float]:
    """The strength of each loop, from the request's own to the final one along the curve."""
    first, loops = request.strength, request.loops
    last = first if request.loop_final_strength is None else request.loop_final_strength
    return [first + (last - first) * CURVES[request.loop_curve](i / max(1, loops - 1)) for i in range(loops)]


def _draw(
    request: Img2Img, group: Iterator[Batch[Img2Img]], source: Raster, target: Raster, ctx: TaskContext
) -> Iterator[Drawn]:
    with Seat(ctx) as seat:
        model = lent(seat, request)
        refiner = lent(seat, request, "refiner") if request.refiner else None
        passes: dict[float, Pass] = {}
        for batch in group:
            pictures: list[Image] = []
            measured: Sequence[Mapping[str, float]] = ()
            for number, strength in enumerate(strengths(request)):
                here = _loop(batch, request, number)
                if strength > 0:
                    if strength not in passes:
                        changes = _changes(request, target, ctx)
                        first, later = model.changed(*changes), refiner and refiner.changed(*changes)
                        exact = request.exact_steps
                        passes[strength] = Pass(
                            first, request, ctx, strength=strength, exact_steps=exact, refiner=later
                        )
                    pictures = _again(passes[strength], here, source, target, pictures, ctx)
                    measured = passes[strength].measured
                    diffusion.tell(ctx, drawn_with(request, model, refiner))
                yield from _results(batch, target, pictures, number, measured)


def _changes(request: Img2Img, target: Raster, ctx: TaskContext) -> list[Change]:
    changes: list[Change] = [Instruct(target.picture())]
    if request.tiled:
        side = concrete(request.tile_size)
        changes.append(Tiles(side, side, min(request.tile_overlap, side // 2), ctx.check_cancelled))
    return changes


def _loop(batch: Batch[Img2Img], request: Img2Img, number: int) -> Batch[Img2Img]:
    """The batch as one loop draws it: with noise of its own, and its place among all that is drawn."""
    first = batch.first * request.loops + number * batch.request.batch_size
    return replace(again(batch, number), first=first, pictures_total=batch.pictures_total * request.loops)


def _again(
    drawing: Pass, batch: Batch[Img2Img], source: Raster, target: Raster, pictures: Sequence[Image], ctx: TaskContext
) -> list[Image]:
    """The pictures of a batch, drawn from those of the loop before, or all from the one that was given."""
    request = batch.request
    width, height = concrete(request.width), concrete(request.height)
    ctx.stage("reading", picture=batch.first, pictures_total=batch.pictures_total, work=width * height)
    if pictures:
        start = drawing.model.latents(pictures)
    elif request.resize_mode == "latent" and source.size != (width, height):
        start = _latents_resized(drawing.model, source, request, ctx)
    else:
        start = drawing.model.latents([target.picture()])
    # At full strength nothing is kept: the picture is the one that txt2img draws.
    kept = None if drawing.strength >= 1 else start.expand(request.batch_size, -1, -1, -1)
    latents = drawing.latents(batch, kept)
    diffusion.check_not_constant(latents)
    images = diffusion.pictures(drawing.last_model, batch, ctx, latents)
    if request.color_correction:
        from sdtoolbox.images.colours import with_colours_of

        images = [with_colours_of(image, target.picture()) for image in images]
    return images


def _latents_resized(model: DiffusionModel, source: Raster, request: Img2Img, ctx: TaskContext) -> Tensor:
    latents = model.latents([source.picture()])
    places = model.noise([0], concrete(request.width), concrete(request.height)).initial().shape[-2:]
    large: Tensor = ctx.registries.upscalers.get("latent").value.function(latents, *places)
    return large


def _results(
    batch: Batch[Img2Img],
    target: Raster,
    pictures: Sequence[Image],
    number: int,
    measured: Sequence[Mapping[str, float]],
) -> Iterator[Drawn]:
    from sdtoolbox.images.compositing import recoloured

    request: Request = batch.request
    for i, seed in enumerate(batch.seeds):
        raster = recoloured(target, pictures[i]) if pictures else target
        place = number * len(batch.seeds) + i
        yield Drawn(raster, seed, request, place, measured=measured[i] if measured else {})


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Img2Img, run, label="img2img")
