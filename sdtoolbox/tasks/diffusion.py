"""The phases that drawing tasks share, in the order in which they happen: encode and guide, sigmas, sample, decode."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, takewhile
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from sdtoolbox.changes import Instruct, PerturbedAttention, Variation
from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Condition, Denoiser, DiffusionModel, Drawn, NoiseSource, Steer, TaskContext
from sdtoolbox.registered import SamplerInfo, ScheduleInfo
from sdtoolbox.registry import Entry
from sdtoolbox.samplers.composition import mixing
from sdtoolbox.samplers.guidance import Remembering, between, classifier_free
from sdtoolbox.samplers.instructing import picture_guidance
from sdtoolbox.samplers.perturbed import perturbed_attention
from sdtoolbox.samplers.rescaling import rescaling
from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.results import Stage
from sdtoolbox.schema.wordings import Wording
from sdtoolbox.tasks.measuring import Reports
from sdtoolbox.tasks.steers import registered_steers
from sdtoolbox.tasks.words import read_words

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

T = TypeVar("T")
D = TypeVar("D", bound=Drawing)
ENDLESS = 1000.0
"""Sigma from which on a table has no end: a model that was trained down to no signal at all is far above."""
SEEDS_BETWEEN = 2**16
"""How far the seeds of two drawings of one picture are apart: none of a usual job has another one's noise."""
LARGEST_STRENGTH = 0.999
"""As in A1111; it gives all strengths above one and the same schedule."""


def concrete(value: T | None) -> T:
    """A field that resolving has filled in; TypeError for a request that was never resolved."""
    if value is None:
        raise TypeError("a field is still open: resolve the request before running it")
    return value


@dataclass(frozen=True, slots=True)
class Batch(Generic[D]):
    """Pictures drawn at the same time: `request` draws them, and nothing else, again."""

    request: D
    first: int  # which picture of the job its first one is
    pictures_total: int

    @property
    def seeds(self) -> list[int]:
        """One seed a picture; one for all where they are variations of it."""
        size, varied = self.request.batch_size, self.request.variation_strength > 0
        return [self.request.seed if varied else self.request.seed + i for i in range(size)]

    @property
    def variation(self) -> Variation | None:
        """How the noise of the seeds is moved, None where it is not."""
        request = self.request
        size = request.seed_resize_width, request.seed_resize_height
        if not request.variation_strength and 0 in size:
            return None
        seeds = [request.variation_seed + i for i in range(request.batch_size)]
        return Variation(seeds, request.variation_strength, None if 0 in size else size)


def again(batch: Batch[D], number: int) -> Batch[D]:
    """The batch as it is drawn for the `number`th time, from 0, from what came out before: with noise of its own."""
    return replace(
        batch, request=batch.request.model_copy(update={"seed": batch.request.seed + number * SEEDS_BETWEEN})
    )


def batches(request: D) -> Iterator[Batch[D]]:
    """The batches of a job; batch b begins with the seed after the last one of batch b - 1.

    Where pictures vary it is the variation seed that counts up, and the seed stays.
    Pictures that say different things are not drawn at the same time.
    """
    total = request.batch_count * request.batch_size
    first = 0
    while first < total:
        said = request.wordings[first : first + request.batch_size]
        size = len(list(takewhile(said[0].__eq__, said))) if said else request.batch_size
        alone = worded(request, said[0]) if said else request
        seed = "variation_seed" if request.variation_strength > 0 else "seed"
        own = {"batch_count": 1, "batch_size": size, seed: getattr(request, seed) + first}
        yield Batch(alone.model_copy(update=own), first, total)
        first += size


def worded(request: D, wording: Wording) -> D:
    """The request with one of its wordings as its own."""
    words = {**wording.prompts, "adapters": wording.adapters, "wordings": (), "combinatorial": False}
    return request.model_copy(update=words)


def by_words(request: D) -> Iterator[tuple[D, Iterator[Batch[D]]]]:
    """The batches of a job in their order, those together that say the same and need the same adapters.

    Each group with the job's request in its own words.
    """
    for wording, group in groupby(batches(request), lambda batch: request.wordings[batch.first : batch.first + 1]):
        yield worded(request, wording[0]) if wording else request, group


class Denoisers(NamedTuple):
    """What a sampler may ask: the guided denoiser, and the one without the prompt if the sampler needs it."""

    guided: Denoiser
    unconditional: Denoiser | None


def guided(
    model: DiffusionModel,
    request: Drawing,
    ctx: TaskContext,
    sigmas: Sequence[float],
    steers: Sequence[Steer] = (),
    *,
    first: int = 0,
) -> Denoisers:
    """Encode the prompts and make the denoisers: guidance, then each steer around it, and a look whether to stop.

    Around our own steers come those of extensions that the request names, around these `steers`.

    `sigmas` says which step of the prompts' schedules a noise level belongs to; `first` is the picture of the job that
    the words are for.

    The outermost part checks for cancelling at every call, so that no sampler can escape it.
    """
    scale = concrete(request.guidance_scale)
    needs = _sampler(request, ctx).value.needs
    to_picture = getattr(request, "image_guidance_scale", 1.0) if model.variant == "instruct" else 1.0
    both = scale != 1 or to_picture != 1 or "unconditional" in needs
    wishes = read_words(model, request, sigmas, ctx, negative=both, first=first)
    predict = Remembering(mixing(model.predict))
    active = between(sigmas, request.guidance_start, request.guidance_end)
    guidance = classifier_free(
        wishes.positive, wishes.negative, scale, active=active, at_once=not request.guidance_in_turn
    )
    denoise = guidance(predict)
    if to_picture != 1:
        denoise = _closer_to_picture(model, wishes.negative, predict, to_picture)(denoise)
    offered = {
        "prompted": predict.alone(wishes.positive),
        "guidance_scale": scale,
        "sigmas": tuple(sigmas),
        "noise_table": model.noise_table,
    }
    own = _own_steers(model, request, wishes.positive, predict, active)
    for steer in (*own, *registered_steers(request, ctx, offered), *steers):
        denoise = steer(denoise)

    def cancellable(asked: Denoiser) -> Denoiser:
        def denoise(x: Tensor, sigma: float) -> Tensor:
            ctx.check_cancelled()
            return asked(x, sigma)

        return denoise

    alone = cancellable(predict.alone(wishes.negative)) if "unconditional" in needs else None
    return Denoisers(cancellable(denoise), alone)


def _closer_to_picture(model: DiffusionModel, negative: Condition, predict: Remembering, scale: float) -> Steer:
    hidden = mixing(model.changed(Instruct(None)).predict)
    return picture_guidance(predict.alone(negative), lambda x, sigma: hidden(x, sigma, [negative])[0], scale)


def _own_steers(
    model: DiffusionModel,
    request: Drawing,
    positive: Condition,
    predict: Remembering,
    active: Callable[[float], bool],
) -> Iterator[Steer]:
    """What the request asks for around classifier-free guidance, from the inside out."""
    usual = predict.alone(positive)
    if request.pag_scale:
        perturbed = mixing(model.changed(PerturbedAttention()).predict)
        yield perturbed_attention(usual, lambda x, sigma: perturbed(x, sigma, [positive])[0], request.pag_scale, active)
    if request.guidance_rescale:
        yield rescaling(usual, request.guidance_rescale, active)


def _sampler(request: Drawing, ctx: TaskContext) -> Entry[SamplerInfo]:
    entry: Entry[SamplerInfo] = ctx.registries.samplers.get(concrete(request.sampler), "sampler")
    return entry


def schedule_of(request: Drawing, model: DiffusionModel, ctx: TaskContext) -> Entry[ScheduleInfo]:
    """The request's schedule; for "automatic" the sampler's own, or Uniform where that needs an end of the noise."""
    name = concrete(request.schedule)
    if ctx.registries.schedules.get(name, "schedule").id == "automatic":
        endless = model.noise_table.sigma_max >= ENDLESS
        name = "uniform" if endless else _sampler(request, ctx).value.schedule
    entry: Entry[ScheduleInfo] = ctx.registries.schedules.get(name, "schedule")
    return entry


def steps_drawn(steps: int, strength: float, exact: bool) -> int:
    """How many of a request's steps are made at a strength: all of them if `exact`, else its share and one more."""
    if strength <= 0:
        return 0
    return steps if exact or strength >= 1 else int(min(strength, LARGEST_STRENGTH) * steps) + 1


def noise_levels(
    model: DiffusionModel, request: Drawing, ctx: TaskContext, *, strength: float = 1.0, exact: bool = True
) -> list[float]:
    """The sigmas of the request's schedule on this model; EXTENSION_FAILED unless they fall and end in 0.

    With a `strength` below 1 they are the last ones of a schedule: what is drawn begins with that share of the way
    before it. They are `steps_drawn`, of as many as the request says or, if `exact`, of more by 1 / strength. None for
    strength 0.
    """
    wanted = steps_drawn(concrete(request.steps), strength, exact)
    if not wanted:
        return []
    steps = int(wanted / min(strength, LARGEST_STRENGTH)) if exact else concrete(request.steps)
    entry = schedule_of(request, model, ctx)
    levels = entry.value.function(steps, model.noise_table, **request.schedule_options)
    sigmas = [float(sigma) for sigma in levels]
    falls = all(a > b for a, b in pairwise(sigmas))
    if not (len(sigmas) > 1 and falls and sigmas[-1] == 0 and math.isfinite(sigmas[0])):
        raise UserError(
            "EXTENSION_FAILED",
            f"schedule {entry.label} of {entry.owner} made noise levels that do not fall to 0 in {steps} steps.",
            "Choose another schedule.",
            "schedule",
        )
    return sigmas[-(wanted + 1) :]


def sample(
    model: DiffusionModel,
    batch: Batch[Any],
    ctx: TaskContext,
    *,
    denoisers: Denoisers,
    sigmas: Sequence[float],
    noise: NoiseSource,
    x: Tensor,
    step_work: float = 1.0,
    stage: Stage = "sampling",
) -> tuple[Tensor, list[dict[str, float]]]:
    """The latents [B, C, h, w] to which the request's sampler brings x, which carries noise of std sigmas[0].

    And what it reports of each image. `step_work` is how long a step takes next to one of the job's first drawing,
    `stage` what the progress calls it. EXTENSION_FAILED if what a sampler returns is no such latent, NUMERIC if it is
    not finite.
    """
    entry = _sampler(batch.request, ctx)
    steps, travelled = len(sigmas) - 1, way_travelled(sigmas)
    ctx.stage(stage, picture=batch.first, pictures_total=batch.pictures_total, work=steps * step_work)

    def on_step(i: int, _x: Tensor, denoised: Tensor) -> None:
        ctx.step(travelled[min(i, steps - 1)], step=i + 1, steps=steps)
        if ctx.wants_preview():
            ctx.preview(model.preview(denoised))

    reports = Reports(entry, len(x))
    offered = {"unconditional": denoisers.unconditional, "noise_table": model.noise_table, "measure": reports}
    needed = {name: offered[name] for name in entry.value.needs}
    options = batch.request.sampler_options
    latents = entry.value.function(denoisers.guided, x, sigmas, noise=noise, on_step=on_step, **needed, **options)
    _check_result(entry, latents, x)
    return latents, reports.of_images


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


def decoded(
    model: DiffusionModel,
    batch: Batch[Any],
    ctx: TaskContext,
    latents: Tensor,
    *,
    size: tuple[int, int] | None = None,
    drawn_with: Mapping[str, DiffusionModel] | None = None,
    measured: Sequence[Mapping[str, float]] = (),
) -> Iterator[Drawn]:
    """The finished pictures of a batch, each with what draws it again.

    `size`, width and height, where it is not the request's. `drawn_with` has the models that drew by the field that
    names each, the checkpoint among them, if `model` was not the only one. `measured` is what is known of each picture.
    """
    images = pictures(model, batch, ctx, latents, size)
    tell(ctx, drawn_with or {"checkpoint": model})
    for i, image in enumerate(images):
        yield Drawn(image, batch.seeds[i], batch.request, i, measured=measured[i] if measured else {})


def pictures(
    model: DiffusionModel, batch: Batch[Any], ctx: TaskContext, latents: Tensor, size: tuple[int, int] | None = None
) -> list[Image]:
    """What latents show, decoded one after another; `size`, width and height, where it is not the request's."""
    width, height = size or (concrete(batch.request.width), concrete(batch.request.height))
    work = width * height * len(latents)
    ctx.stage("decoding", picture=batch.first, pictures_total=batch.pictures_total, work=work)
    images: list[Image] = []
    for i in range(len(latents)):
        images += model.decode(latents[i : i + 1], width, height)
        ctx.step((i + 1) / len(latents))
    return images


def tell(ctx: TaskContext, drawn_with: Mapping[str, DiffusionModel]) -> None:
    """Write down what drew, by the field that names each model; only when all is drawn: precision may be raised."""
    for field, one in drawn_with.items():
        told = one.environment
        ctx.environment.update(told if field == "checkpoint" else {field: told["checkpoint"]})
        ctx.warnings.extend(warning for warning in one.warnings if warning not in ctx.warnings)
