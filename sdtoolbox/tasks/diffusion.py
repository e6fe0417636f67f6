"""The phases that drawing tasks share, in the order in which they happen: encode and guide, sigmas, sample, decode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Denoiser, DiffusionModel, Drawn, NoiseSource, SamplerInfo, Steer, TaskContext
from sdtoolbox.registry import Entry
from sdtoolbox.samplers.guidance import Remembering, classifier_free
from sdtoolbox.schema.requests import Txt2Img

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

T = TypeVar("T")


def concrete(value: T | None) -> T:
    """A field that resolving has filled in; TypeError for a request that was never resolved."""
    if value is None:
        raise TypeError("a field is still open: resolve the request before running it")
    return value


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures drawn at the same time: `request` draws them, and nothing else, again."""

    request: Txt2Img
    first: int  # which picture of the job its first one is
    pictures_total: int

    @property
    def seeds(self) -> list[int]:
        """One seed a picture."""
        return [self.request.seed + i for i in range(self.request.batch_size)]


def batches(request: Txt2Img) -> Iterator[Batch]:
    """The batches of a job; batch b begins with the seed after the last one of batch b - 1."""
    total = request.batch_count * request.batch_size
    for first in range(0, total, request.batch_size):
        yield Batch(request.model_copy(update={"batch_count": 1, "seed": request.seed + first}), first, total)


class Denoisers(NamedTuple):
    """What a sampler may ask: the guided denoiser, and the one without the prompt if the sampler needs it."""

    guided: Denoiser
    unconditional: Denoiser | None


def guided(model: DiffusionModel, request: Txt2Img, ctx: TaskContext, steers: Sequence[Steer] = ()) -> Denoisers:
    """Encode the prompts and make the denoisers: guidance, then each steer around it, and a look whether to stop.

    The outermost part checks for cancelling at every call, so that no sampler can escape it.
    """
    scale = concrete(request.guidance_scale)
    needs = _sampler(request, ctx).value.needs
    both = scale != 1 or "unconditional" in needs
    ctx.stage("encoding", pictures_total=request.batch_count * request.batch_size, work=2 if both else 1)
    condition = model.encode(request.prompt)
    unconditional = model.encode(request.negative_prompt, negative=True) if both else None
    predict = Remembering(model.predict)
    denoise = classifier_free(condition, unconditional, scale)(predict)
    for steer in steers:
        denoise = steer(denoise)

    def cancellable(asked: Denoiser) -> Denoiser:
        def denoise(x: Tensor, sigma: float) -> Tensor:
            ctx.check_cancelled()
            return asked(x, sigma)

        return denoise

    alone = cancellable(predict.alone(unconditional)) if "unconditional" in needs else None
    return Denoisers(cancellable(denoise), alone)


def _sampler(request: Txt2Img, ctx: TaskContext) -> Entry[SamplerInfo]:
    entry: Entry[SamplerInfo] = ctx.registries.samplers.get(concrete(request.sampler), "sampler")
    return entry


def noise_levels(model: DiffusionModel, request: Txt2Img, ctx: TaskContext) -> list[float]:
    """The sigmas of the request's schedule on this model; EXTENSION_FAILED unless they fall and end in 0."""
    steps = concrete(request.steps)
    entry = ctx.registries.schedules.get(concrete(request.schedule), "schedule")
    sigmas = [float(sigma) for sigma in entry.value.function(steps, model.noise_table)]
    falls = all(a > b for a, b in pairwise(sigmas))
    if not (len(sigmas) > 1 and falls and sigmas[-1] == 0 and math.isfinite(sigmas[0])):
        raise UserError(
            "EXTENSION_FAILED",
            f"schedule {entry.label} of {entry.owner} made noise levels that do not fall to 0 in {steps} steps.",
            "Choose another schedule.",
            "schedule",
        )
    return sigmas


def sample(
    model: DiffusionModel,
    batch: Batch,
    ctx: TaskContext,
    *,
    denoisers: Denoisers,
    sigmas: Sequence[float],
    noise: NoiseSource,
    x: Tensor,
) -> Tensor:
    """The latents [B, C, h, w] to which the request's sampler brings x, which carries noise of std sigmas[0].

    EXTENSION_FAILED if what a sampler returns is no such latent, NUMERIC if it is not finite.
    """
    entry = _sampler(batch.request, ctx)
    steps, travelled = len(sigmas) - 1, way_travelled(sigmas)
    ctx.stage("sampling", picture=batch.first, pictures_total=batch.pictures_total, work=steps)

    def on_step(i: int, _x: Tensor, denoised: Tensor) -> None:
        ctx.step(travelled[min(i, steps - 1)], step=i + 1, steps=steps)
        if ctx.wants_preview():
            ctx.preview(model.preview(denoised))

    offered = {"unconditional": denoisers.unconditional, "noise_table": model.noise_table}
    needed = {name: offered[name] for name in entry.value.needs}
    latents = entry.value.function(denoisers.guided, x, sigmas, noise=noise, on_step=on_step, **needed)
    _check_result(entry, latents, x)
    return latents  # type: ignore[no-any-return]


def _check_result(entry: Entry[SamplerInfo], latents: Any, x: Tensor) -> None:
    said = f"sampler {entry.label} of {entry.owner}"
    if getattr(latents, "shape", None) != x.shape:
        got = getattr(latents, "shape", type(latents).__name__)
        raise UserError(
            "EXTENSION_FAILED", f"{said} returned {got} instead of {x.shape}.", "Choose another sampler.", "sampler"
        )
    if not bool(latents.isfinite().all()):
        raise UserError(
            "NUMERIC", f"{said} returned numbers that are not finite.", "Choose another sampler.", "sampler"
        )


def way_travelled(sigmas: Sequence[float]) -> list[float]:
    """After each step, the share of the way in log sigma that is behind: rises, ends in 1.

    The step to 0 would be infinitely long: it counts as long as the mean of the others.
    """
    lengths = [math.log(a / b) for a, b in pairwise(sigmas) if b > 0]
    if sigmas[-1] == 0:
        lengths.append(sum(lengths) / len(lengths) if lengths else 1.0)
    return [sum(lengths[: i + 1]) / sum(lengths) for i in range(len(lengths))]


def check_not_constant(latents: Tensor) -> None:
    """NUMERIC if a latent has the same values at every place: that is a failed drawing, not a picture."""
    for latent in latents:  # [C, h, w]
        spread = latent.flatten(1).amax(1) - latent.flatten(1).amin(1)
        if latent[0].numel() > 1 and float(spread.max()) < 1e-6:
            raise UserError(
                "NUMERIC",
                "the network drew one flat colour.",
                "Try a smaller guidance scale or another sampler; if nothing helps, the checkpoint is damaged.",
            )


def decoded(model: DiffusionModel, batch: Batch, ctx: TaskContext, latents: Tensor) -> Iterator[Drawn]:
    """The finished pictures of a batch, each with what draws it again."""
    request = batch.request
    width, height = concrete(request.width), concrete(request.height)
    work = width * height * request.batch_size
    ctx.stage("decoding", picture=batch.first, pictures_total=batch.pictures_total, work=work)
    images: list[Image] = []
    for i in range(len(latents)):
        images += model.decode(latents[i : i + 1], width, height)
        ctx.step((i + 1) / len(latents))
    ctx.environment.update(model.environment)  # only now: precision may have been raised on the way
    ctx.warnings.extend(warning for warning in model.warnings if warning not in ctx.warnings)
    for i, image in enumerate(images):
        yield Drawn(image, batch.seeds[i], request, i)
