"""Super-resolution: a picture made larger by a network or by arithmetic, cleaned before, in exactly the size asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Drawn, Restorer, TaskContext
from sdtoolbox.schema.restoring import Upscale
from sdtoolbox.tasks.chains import Chain, chained
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.enlarging import opened
from sdtoolbox.tasks.mixing import Mixture, Resampled
from sdtoolbox.tasks.restoring import finished, prior, restored, treatments_of
from sdtoolbox.tasks.tiling import Treatment
from sdtoolbox.tasks.video import filmed

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def run(request: Upscale, ctx: TaskContext) -> Iterator[Drawn]:
    """Enlarge a resolved request's picture; depth, alpha, colour profile and greyness stay.

    Or its video: see `tasks.video.filmed`.
    """
    chain_of = partial(_chain, request)
    if request.frames is not None:
        yield from filmed(request, chain_of, ctx)
        return
    source = ctx.picture(concrete(request.image))
    with ExitStack() as held:
        chain = chain_of(source.size, ctx, held)
        found = restored(request, chain, source, ctx)
    yield from finished(request, chain, source, found, ctx)


def _chain(request: Upscale, size: tuple[int, int], ctx: TaskContext, held: ExitStack) -> Chain:
    treatments = treatments_of(request, request.stages, ctx, held)
    if (enlarger := _enlarger(request, size, ctx, held)) is not None:
        treatments.append(Treatment(enlarger))
    return chained(treatments, size, (concrete(request.width), concrete(request.height)))


def _enlarger(request: Upscale, size: tuple[int, int], ctx: TaskContext, held: ExitStack) -> Restorer | None:
    """What enlarges; None where Lanczos's filter alone does, which brings any picture to its final size."""
    factor = max(concrete(request.width) / size[0], concrete(request.height) / size[1])
    upscaler = concrete(request.upscaler)
    if request.diffusion:
        first: Restorer = prior(upscaler, ctx, held, 2 if factor <= 2 else 4)
    else:
        first = _one(upscaler, factor, ctx, held)
    if request.second_upscaler is None or request.second_share == 0:
        return None if request.upscaler == "lanczos" else first
    return Mixture(first, _one(request.second_upscaler, factor, ctx, held), request.second_share)


def _one(name: str, factor: float, ctx: TaskContext, held: ExitStack) -> Restorer:
    if name in ctx.registries.upscalers:
        return Resampled(ctx.registries.upscalers.get(name), max(1, math.ceil(factor)))
    return opened(name, ctx, held)


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Upscale, run, label="Upscale")
