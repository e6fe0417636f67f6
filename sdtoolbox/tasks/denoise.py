"""Denoising: a chain of restorers that leave a picture its size, chosen by what is measured in it if nobody says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.tasks.chains import Chain, chained
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.restoring import finished, restored, treatments_of
from sdtoolbox.tasks.video import filmed

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def run(request: Denoise, ctx: TaskContext) -> Iterator[Drawn]:
    """Put a resolved request's picture through its stages; depth, alpha, colour profile and greyness stay.

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


def _chain(request: Denoise, size: tuple[int, int], ctx: TaskContext, held: ExitStack) -> Chain:
    return chained(treatments_of(request, request.stages, ctx, held), size)


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Denoise, run, label="Denoise")
