"""Text to image: from noise to a picture, guided by a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.requests import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import concrete

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension


def run(request: Txt2Img, ctx: TaskContext) -> Iterator[Drawn]:
    """Draw the pictures of a resolved request, batch after batch; the prompts are encoded once.

    NUMERIC where the network fails, OUT_OF_MEMORY where the pictures do not fit; never a black picture.
    """
    with ctx.lease(concrete(request.checkpoint), request.adapters, request.vae) as model:
        denoisers = diffusion.guided(model, request, ctx)
        sigmas = diffusion.noise_levels(model, request, ctx)
        for batch in diffusion.batches(request):
            noise = model.noise(batch.seeds, concrete(request.width), concrete(request.height))
            x = noise.initial() * sigmas[0]
            latents = diffusion.sample(model, batch, ctx, denoisers=denoisers, sigmas=sigmas, noise=noise, x=x)
            diffusion.check_not_constant(latents)
            yield from diffusion.decoded(model, batch, ctx, latents)


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Txt2Img, run, label="txt2img")
