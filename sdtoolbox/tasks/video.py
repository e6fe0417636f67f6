"""A video through a chain of restorers, frame by frame, in the memory of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TypeAlias

from PIL import Image

from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.frames import first_frame
from sdtoolbox.images.video.remaking import remade
from sdtoolbox.images.video.writing import VERSION
from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.restoring import Restoring
from sdtoolbox.tasks.chains import Chain
from sdtoolbox.tasks.clock import Clock
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.mixing import together
from sdtoolbox.tasks.restoring import NOTHING, damage_known, restored_frame

ChainOf: TypeAlias = Callable[[tuple[int, int], TaskContext, ExitStack], Chain]
"""chain_of(size, ctx, held): the chain for frames of this size, whose restorers are kept loaded until `held` ends."""


def filmed(request: Restoring, chain_of: ChainOf, ctx: TaskContext) -> Iterator[Drawn]:
    """The video of a resolved request, restored; noise and JPEG quality are the same for all of its frames.

    Its sound, its times and what its colours mean stay; what does not is said in the context's warnings. Of one that
    is cancelled nothing is left.
    """
    path = ctx.picture_path(concrete(request.image))
    first = first_frame(path)
    measured = damage_known(request)
    with ExitStack() as held:
        chain = chain_of(first.size, ctx, held)
        if not chain.treatments and not chain.resizes:
            ctx.warnings.append(NOTHING)
        clock = Clock(chain, first, ctx, concrete(request.frames))

        def change(frame: Raster) -> Raster:
            ctx.check_cancelled()
            found = restored_frame(chain, frame, clock)
            if ctx.wants_preview():
                ctx.preview(Image.fromarray(found.pixels))
            return found

        def tags() -> Mapping[str, str]:  # a restorer knows in what it computes once it has
            ctx.environment.update(together([one.restorer.environment for one in chain.treatments]))
            ctx.environment["av"] = VERSION
            return ctx.tags(request, measured)

        film = remade(path, held.enter_context(ctx.scratch()), change, tags, request.crf)
        ctx.warnings.extend(film.notes)
        yield Drawn(film, 0, request, 0, measured=measured)
