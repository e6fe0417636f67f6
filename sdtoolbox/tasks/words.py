"""The words of a request, read by a model: what guidance steers by, with schedules and AND inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdtoolbox.prompts.plan import Part, Words, plan
from sdtoolbox.protocols import Condition, DiffusionModel, TaskContext
from sdtoolbox.samplers.composition import Course, Mixture, composed, remainder
from sdtoolbox.samplers.steps import step_of
from sdtoolbox.schema.drawing import Drawing

Said = tuple[Words, bool]
"""Some words, and whether they are the negative ones."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the picture should show, and what it should keep away from if that was asked for."""

    positive: Mixture
    negative: Mixture | None


def read_words(
    model: DiffusionModel,
    request: Drawing,
    sigmas: Sequence[float],
    ctx: TaskContext,
    *,
    negative: bool,
    first: int = 0,
) -> Wishes:
    """Encode each distinct wording of the prompts once; the result says at every noise level which one holds.

    Steps are those of `sigmas`. The negative prompt is read if `negative`, or if AND adds weights that need it.
    `first` is the picture of the job that this is for. UserError PARAM_INVALID for a weight without sense.
    """
    steps = len(sigmas) - 1
    parts = plan(request.prompt, steps, "prompt")
    negative = negative or bool(remainder([part.weight for part in parts]))
    others = plan(request.negative_prompt, steps, "negative_prompt", composes=False) if negative else ()
    said = list(dict.fromkeys([*_wordings(parts, False), *_wordings(others, True)]))
    total = request.batch_count * request.batch_size
    ctx.stage("encoding", picture=first, pictures_total=total, work=len(said))
    read: dict[Said, Condition] = {}
    for words, is_negative in said:
        read[words, is_negative] = model.encode(
            words, negative=is_negative, emphasis=request.emphasis, clip_skip=request.clip_skip or 1
        )
        ctx.step(len(read) / len(said))
    step = step_of(sigmas)

    def course(part: Part, is_negative: bool) -> Course:
        return lambda sigma: read[part.at(step(sigma)), is_negative]

    unconditional = course(others[0], True) if others else None
    return Wishes(
        composed([(part.weight, course(part, False)) for part in parts], unconditional),
        Mixture([(1.0, unconditional)]) if unconditional is not None else None,
    )


def _wordings(parts: Sequence[Part], is_negative: bool) -> Iterator[Said]:
    for part in parts:
        for stretch in part.stretches:
            yield stretch.words, is_negative
