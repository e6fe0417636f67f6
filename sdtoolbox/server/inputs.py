"""Pictures and masks that people bring: uploads become ids, and what lies there is listed."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from sdtoolbox.errors import UserError
from sdtoolbox.images.inputs import InputKind
from sdtoolbox.server.answers import error_response
from sdtoolbox.toolbox import Toolbox

NOW = {"cache-control": "no-store"}


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

    @router.get("/inputs")
    def listed(kind: InputKind | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """The newest first: `[{id, kind, name, width, height, created}]`."""
        found = [] if shared else toolbox.inputs(kind, limit)
        return JSONResponse([one.as_dict() for one in found], headers=NOW)

    return router
