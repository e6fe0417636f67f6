"""Pictures that lie beside models to show what they do, made small; by the model's id, never by path."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from fastapi import APIRouter
from PIL import Image
from starlette.responses import Response

from sdtoolbox.errors import UserError
from sdtoolbox.toolbox import Toolbox

SIZE = 512  # pixels of the longer side: enough for a card on a sharp screen
LARGEST = 64_000_000  # pixels of a picture that is read at all
FORMATS = ("PNG", "JPEG", "WEBP")
WHILE = {"cache-control": "private, max-age=604800"}  # the page names the picture's time in its address


def previews(toolbox: Toolbox) -> APIRouter:
    """The route of models' pictures."""
    router = APIRouter()

    @router.get("/model-previews/{model_id}.jpg")
    def preview(model_id: str) -> Response:
        picture = toolbox.catalog.preview(toolbox.catalog.get(model_id))
        if picture is None:
            raise UserError("IMAGE_INVALID", "this model has no picture.", "Put one beside it, with its name.")
        try:
            return Response(_small(picture, picture.stat().st_mtime_ns), media_type="image/jpeg", headers=WHILE)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises on nonsense
            raise UserError("IMAGE_INVALID", "the model's picture cannot be read.", "Replace it.") from None

    return router


@lru_cache(maxsize=256)
def _small(path: Path, _mtime_ns: int) -> bytes:
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > LARGEST:
            raise ValueError("too many pixels")
        image.draft("RGB", (SIZE, SIZE))  # JPEGs are decoded small at once
        small = image.convert("RGB")
    small.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
