"""Example: a task. One prompt, drawn once in each of several styles, so that one sees what a style does.

Form, endpoint, command (`sdtoolbox prompt_gallery --prompt …`), queue and metadata follow from the request class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema import fields
from sdtoolbox.schema.checks import Text
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.leases import Seat
from sdtoolbox.tasks.lending import lent
from sdtoolbox.tasks.passes import Pass

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

STYLES = "crayon drawing\nwatercolour\npaper collage\npixel art"
Lines = Annotated[Text, Control("prompt", "In these styles", "Gallery styles")]


class PromptGallery(Request):
    """Draw one prompt once in each of several styles, all from the same noise."""

    task: ClassVar[str] = "prompt_gallery"
    prompt: fields.Prompt = Field("", description="What the pictures show, in words.")
    each: Lines = Field(STYLES, description="What is added to the prompt, one line a picture.")
    negative_prompt: fields.NegativePrompt = Field("", description="What the pictures should keep away from.")
    checkpoint: fields.CheckpointName | None = Field(None, description="The model that draws; by id, name or hash.")
    width: fields.Width | None = Field(None, description="Their width in pixels; empty takes the checkpoint's own.")
    height: fields.Height | None = Field(None, description="Their height in pixels; empty takes the checkpoint's own.")
    steps: fields.Steps | None = Field(None, description="How many times the noise is lowered.")
    sampler: fields.SamplerName | None = Field(None, description="The method that goes from noise to picture.")
    schedule: fields.ScheduleName | None = Field(None, description="How the noise levels are spread over the steps.")
    guidance_scale: fields.GuidanceScale | None = Field(None, description="How closely to follow the words.")
    clip_skip: fields.ClipSkip | None = Field(None, description="Which layer of the text encoder is read.")
    seed: fields.Seed = Field(-1, description="Where chance starts, for all pictures; -1 takes any.")


def run(request: PromptGallery, ctx: TaskContext) -> Iterator[Drawn]:
    """The pictures of a resolved request, each with the request for it alone, so that each can be drawn again."""
    lines = [line.strip() for line in request.each.split("\n") if line.strip()] or [""]
    shared = request.model_dump(exclude={"each"})
    with Seat(ctx) as seat:  # as long as it is held the model stays loaded
        for number, line in enumerate(lines):
            words = ", ".join(part for part in (request.prompt, line) if part)
            asked = Txt2Img.parse(shared | {"prompt": words})  # what the phases of drawing want to know
            batch, model = diffusion.Batch(asked, number, len(lines)), lent(seat, asked)
            latents = Pass(model, asked, ctx).latents(batch)  # read the words, make noise levels, sample
            diffusion.check_not_constant(latents)
            for drawn in diffusion.decoded(model, batch, ctx, latents):
                yield replace(drawn, request=request.model_copy(update={"each": line}))


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(PromptGallery, run, label="Prompt gallery")
