"""Hires fix: the first picture is enlarged and drawn again, so that a large one has the composition of a small one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import UserError
from sdtoolbox.protocols import DiffusionModel, TaskContext
from sdtoolbox.registered import UpscalerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.diffusion import Batch, concrete
from sdtoolbox.tasks.enlarging import failed, on_pictures, upscaler_of
from sdtoolbox.tasks.resizing import covering

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from sdtoolbox.tasks.enlarging import Enlarge

LARGEST_SIDE = 8192
FIELD = "hires_upscaler"


def second_size(request: Txt2Img) -> tuple[int, int]:
    """Width and height of the second drawing: by the scale, or as given; one side alone keeps the aspect.

    PARAM_INVALID where the scale leads beyond what can be drawn.
    """
    width, height = concrete(request.width), concrete(request.height)
    to_width, to_height = request.hires_width, request.hires_height
    if not to_width and not to_height:
        size = int(width * request.hires_scale), int(height * request.hires_scale)
    else:
        size = to_width or to_height * width // height, to_height or to_width * height // width
    if max(size) > LARGEST_SIDE or min(size) < 1:
        raise UserError(
            "PARAM_INVALID",
            f"hires fix would draw {size[0]}x{size[1]} pixels.",
            f"No side may be longer than {LARGEST_SIDE}.",
            "hires_scale",
        )
    return size


def first_drawing(request: Txt2Img) -> str:
    """What the first drawing depends on, as text: requests that agree in it have the same first latents."""
    values = request.model_dump(mode="json", exclude={"plot"})
    return json.dumps({name: value for name, value in values.items() if not name.startswith("hires")})


def second_work(request: Txt2Img) -> float:
    """How many times as many pixels the second drawing has."""
    width, height = second_size(request)
    return width * height / (concrete(request.width) * concrete(request.height))


def second_request(request: Txt2Img) -> Txt2Img:
    """What the second drawing is asked for: the request, with all that its hires fields say otherwise."""
    width, height = second_size(request)
    sampler, schedule = request.hires_sampler or request.sampler, request.hires_schedule or request.schedule
    guidance = request.guidance_scale if request.hires_guidance_scale is None else request.hires_guidance_scale
    values: dict[str, Any] = {
        "width": width,
        "height": height,
        "steps": request.hires_steps or request.steps,
        "sampler": sampler,
        "schedule": schedule,
        "guidance_scale": guidance,
        "checkpoint": request.hires_checkpoint or request.checkpoint,
        "prompt": request.hires_prompt or request.prompt,
        "negative_prompt": request.hires_negative_prompt or request.negative_prompt,
        # Options belong to one sampler: another has its own.
        "sampler_options": request.sampler_options if sampler == request.sampler else {},
        "schedule_options": request.schedule_options if schedule == request.schedule else {},
    }
    return request.model_copy(update=values)


def second_batch(batch: Batch[Txt2Img]) -> Batch[Txt2Img]:
    """The same pictures, as the second drawing is asked for them."""
    return replace(batch, request=second_request(batch.request))


def enlarged(
    latents: Tensor, batch: Batch[Txt2Img], ctx: TaskContext, *, drawn_by: DiffusionModel, for_model: DiffusionModel
) -> Tensor:
    """The latents of a batch's pictures at the size of the second drawing, as `for_model` has them.

    Where the aspect changes they are enlarged to cover the new size, and the middle is taken.
    """
    request = batch.request
    width, height = second_size(request)
    if on_pictures(request.hires_upscaler, ctx.registries):
        enlarge = upscaler_of(request.hires_upscaler, ctx, FIELD)
        ctx.stage("upscaling", picture=batch.first, pictures_total=batch.pictures_total, work=width * height)
        pictures = drawn_by.decode(latents, concrete(request.width), concrete(request.height))
        return for_model.latents([_picture(enlarge, picture, width, height) for picture in pictures])
    entry: Entry[UpscalerInfo] = ctx.registries.upscalers.get(request.hires_upscaler, FIELD)
    places = for_model.noise([0], width, height).initial().shape[-2:]
    tall, wide = covering(latents.shape[-2], latents.shape[-1], *places)
    large = entry.value.function(latents, tall, wide)
    if getattr(large, "shape", None) != (*latents.shape[:2], tall, wide):
        raise failed(entry, getattr(large, "shape", type(large).__name__), FIELD)
    top, left = (tall - places[0]) // 2, (wide - places[1]) // 2
    middle: Tensor = large[:, :, top : top + places[0], left : left + places[1]]
    return middle


def _picture(enlarge: Enlarge, picture: Image, width: int, height: int) -> Image:
    tall, wide = covering(picture.height, picture.width, height, width)
    large = enlarge(picture, wide, tall)
    left, top = (wide - width) // 2, (tall - height) // 2
    return large.crop((left, top, left + width, top + height))
