"""Pictures and masks that people bring: uploads become ids, and what lies there is listed."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from sdtoolbox.errors import UserError
from sdtoolbox.images.inputs import InputKind
from sdtoolbox.schema.checks import WHOLE
from sdtoolbox.schema.options import Options
from sdtoolbox.schema.pictures import PICTURE_ID
from sdtoolbox.schema.restoring import Restoring
from sdtoolbox.server.answers import error_response
from sdtoolbox.toolbox import Toolbox

NOW = {"cache-control": "no-store"}
Whole = Annotated[int, Field(ge=0, le=2**20), WHOLE]


class Selection(BaseModel):
    """What was pointed at in a picture, in its pixels: points on a thing, points beside it, a box around it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str = Field(pattern=PICTURE_ID)
    points: tuple[tuple[Whole, Whole], ...] = Field((), max_length=1000)
    excluded: tuple[tuple[Whole, Whole], ...] = Field((), max_length=1000)
    box: tuple[Whole, Whole, Whole, Whole] | None = None
    options: Options = Field(default_factory=dict)


def inputs(toolbox: Toolbox, *, shared: bool = False) -> APIRouter:
    """The routes of what comes in; on a `shared` server nobody is told of what others brought."""
    router = APIRouter()

    @router.post("/uploads")
    async def upload(
        request: Request, kind: InputKind = "picture", name: Annotated[str, Query(max_length=1000)] = ""
    ) -> Response:
        """Keep the file that is the body; `{id, width, height}`, the size as it is seen upright."""
        body = await request.body()
        try:
            added = await asyncio.to_thread(toolbox.store.inputs.add, body, kind, name)
        except UserError as error:  # an id that names nothing is not found; a file that is no picture is a bad request
            return error_response(error, 400 if error.code == "IMAGE_INVALID" else None)
        return JSONResponse({"id": added.id, "width": added.width, "height": added.height}, headers=NOW)

    @router.post("/select/{selector}")
    def selected(selector: str, asked: Selection) -> Response:
        """A mask of what was pointed at, kept like one that was sent: `{id}`."""
        identity = toolbox.select(selector, asked.image, asked.points, asked.box, asked.excluded, asked.options)
        return JSONResponse({"id": identity}, headers=NOW)

    @router.post("/measure/{task}")
    def measured(task: str, values: dict[str, Any]) -> Response:
        """What a restoration with these values by field would do: see `_plan`; or what is wrong, and with which."""
        return JSONResponse(_plan(toolbox, toolbox.parse(task, values)), headers=NOW)

    @router.get("/inputs")
    def listed(kind: InputKind | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """The newest first: `[{id, kind, name, width, height, created}]`."""
        found = [] if shared else toolbox.inputs(kind, limit)
        return JSONResponse([one.as_dict() for one in found], headers=NOW)

    return router


def _plan(toolbox: Toolbox, request: Any) -> dict[str, Any]:
    """Noise and JPEG quality of a request's picture, `stages` as `{id, name}` in their order, and the result's size.

    Of a video also how many `frames` it has, None else.

    What enlarges stands last among the stages. UserError for a request that restores nothing.
    """
    if not isinstance(request, Restoring):
        raise UserError(
            "PARAM_INVALID", f"{request.task} does not restore pictures.", "Use denoise or upscale.", "task"
        )
    resolved: Any = toolbox.resolve(request)
    width, height = toolbox.store.size(resolved.image)
    names = [_name(toolbox, one) for one in resolved.restorers]
    scale = math.prod(one.pop("scale") for one in names)
    final = getattr(resolved, "width", width * scale), getattr(resolved, "height", height * scale)
    measured = {"noise": resolved.noise, "jpeg_quality": resolved.jpeg_quality, "frames": resolved.frames}
    return measured | {"stages": names, "width": final[0], "height": final[1]}


def _name(toolbox: Toolbox, restorer: str) -> dict[str, Any]:
    registries = toolbox.registries
    if restorer in registries.restorers:
        registered = registries.restorers.get(restorer)
        return {"id": restorer, "name": registered.label, "scale": registered.value.scale}
    if restorer in registries.upscalers:
        return {"id": restorer, "name": registries.upscalers.get(restorer).label, "scale": 1}
    entry = toolbox.catalog.get(restorer)
    return {"id": restorer, "name": entry.name, "scale": entry.scale or 1}
