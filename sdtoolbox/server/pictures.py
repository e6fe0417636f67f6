"""Pictures by id, never by path: the files, small ones for lists, their texts, and previews of running jobs."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from fastapi import APIRouter, Request
from PIL import Image
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from sdtoolbox.errors import UserError
from sdtoolbox.images.masks import mask_png, read_mask
from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.video.writing import MEDIA_TYPE
from sdtoolbox.images.views import still_of, view_of
from sdtoolbox.toolbox import Toolbox

THUMBNAIL = 256  # pixels of the longer side
GROUND = "#808080"  # behind what is transparent
# An id is a hash of the bytes: what it names can never change.
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}


def pictures(toolbox: Toolbox) -> APIRouter:
    """The routes of everything one can see."""
    router = APIRouter()

    @router.get("/pictures/{picture_id}.png")
    def picture(picture_id: str) -> Response:
        path = toolbox.store.output(picture_id)
        # A stranger's file, or no file: what goes out is our own. Of a video its first frame.
        if path is None or toolbox.store.is_video(picture_id):
            return Response(_encoded(toolbox.picture_path(picture_id)), media_type="image/png", headers=FOREVER)
        return FileResponse(path, media_type="image/png", headers=FOREVER)

    @router.get("/videos/{video_id}.mp4")
    def video(video_id: str) -> Response:
        """A finished video; browsers ask for the parts that they play."""
        path = toolbox.store.output(video_id)
        if path is None or not toolbox.store.is_video(video_id):
            raise UserError("IMAGE_INVALID", "there is no finished video of this id.", "It may be deleted.")
        return FileResponse(path, media_type=MEDIA_TYPE, headers=FOREVER)

    @router.get("/masks/{mask_id}.png")
    def mask(mask_id: str) -> Response:
        """A mask as it is understood: grey, white where a picture is repainted."""
        values = read_mask(toolbox.picture_path(mask_id), toolbox.store.size(mask_id))
        return Response(mask_png(values), media_type="image/png", headers=FOREVER)

    @router.get("/pictures/{picture_id}.txt")
    def parameters(picture_id: str) -> Response:
        text = read_text(toolbox.picture_path(picture_id)).parameters or ""
        return PlainTextResponse(text, headers=FOREVER)

    @router.get("/thumbnails/{picture_id}.jpg")
    def thumbnail(picture_id: str) -> Response:
        path = toolbox.store.view(picture_id) or toolbox.picture_path(picture_id)
        return Response(_thumbnail(path), media_type="image/jpeg", headers=FOREVER)

    @router.get("/views/{picture_id}.jpg")
    def view(picture_id: str) -> Response:
        """A picture that is too large to be looked at as it is, small enough for every browser."""
        path = toolbox.store.view(picture_id)
        data = path.read_bytes() if path else _view(toolbox.picture_path(picture_id))
        return Response(data, media_type="image/jpeg", headers=FOREVER)

    @router.get("/previews/{job_id}.jpg")
    def preview(job_id: str) -> Response:
        data = toolbox.preview(job_id)
        if data is None:
            toolbox.job(job_id)  # one that there never was is an error
            return Response(status_code=204)  # it has ended since the page heard of it, or has not begun to draw
        return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=60"})

    @router.post("/recall/{task}")
    async def recall(task: str, request: Request, picture: str | None = None) -> Response:
        """What a picture, or a text, that was dropped on a tab says for its form; or a `picture` that is here."""
        if picture is not None:
            kept = await asyncio.to_thread(lambda: toolbox.recall(toolbox.picture_path(picture), task))
            return JSONResponse(kept.as_dict(), headers={"cache-control": "no-store"})
        body = await request.body()
        is_text = request.headers.get("content-type", "").startswith("text/plain")
        source = body.decode("utf-8", "replace") if is_text else body
        found = await asyncio.to_thread(toolbox.recall, source, task)
        return JSONResponse(found.as_dict(), headers={"cache-control": "no-store"})

    return router


@lru_cache(maxsize=4)
def _encoded(path: Path) -> bytes:
    """What is seen of a file that somebody brought, upright, of 8 bits, in sRGB, without any of its texts."""
    buffer = BytesIO()
    still_of(path).shown().save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@lru_cache(maxsize=4)
def _view(path: Path) -> bytes:
    return view_of(still_of(path))


@lru_cache(maxsize=512)
def _thumbnail(path: Path) -> bytes:
    small = still_of(path).shown()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    if small.mode == "RGBA":
        ground = Image.new("RGBA", small.size, GROUND)
        small = Image.alpha_composite(ground, small)
    buffer = BytesIO()
    small.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
