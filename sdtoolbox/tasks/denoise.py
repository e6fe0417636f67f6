"""Denoising: a chain of restorers that leave a picture its size, chosen by what is measured in it if nobody says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.restoring import chained, finished, restored, treatments_of

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def run(request: Denoise, ctx: TaskContext) -> Iterator[Drawn]:
    """Put a resolved request's picture through its stages; depth, alpha, colour profile and greyness stay."""
    source = ctx.picture(concrete(request.image))
    with ExitStack() as held:
        chain = chained(treatments_of(request, request.stages, ctx, held), source.size)
        found = restored(request, chain, source, ctx)
    yield from finished(request, chain, source, found, ctx)


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Denoise, run, label="Denoise")
