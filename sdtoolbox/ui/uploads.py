"""Pictures in what Gradio's clients send: uploaded files and data URIs become ids; nothing else on the disk is read."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.schema.requests import Request, control_of, picture_fields
from sdtoolbox.toolbox import Toolbox

HINT = "Send the id of a picture, a file (handle_file of gradio_client), or a data URI."
FILE = {
    "type": "object",
    "title": "FileData",
    "properties": {"path": {"type": "string"}, "url": {"type": "string"}, "meta": {"type": "object"}},
}
DESCRIPTION: Mapping[str, Any] = {"anyOf": [{"type": "string"}, FILE, {"type": "null"}], "default": None}
"""The JSON schema of a picture as an endpoint takes it."""


def with_ids(toolbox: Toolbox, request: type[Request], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with each picture added to the store and named by its id; `UserError` for the field at fault."""
    found = dict(values)
    for name in picture_fields(request):
        if found.get(name) is not None:
            found[name] = _identity(toolbox, found[name], control_of(request, name).kind, name)
    return found


def _identity(toolbox: Toolbox, value: Any, kind: str, field: str) -> Any:
    source = _source(value, field)
    if source is None:
        return value  # an id: the request class looks at it
    try:
        return toolbox.add_mask(source) if kind == "mask" else toolbox.add_picture(source)
    except UserError as error:
        raise UserError(error.code, error.message, error.hint, field) from None


def _source(value: Any, field: str) -> bytes | Path | None:
    """The bytes or the uploaded file of a value, None for one that is an id."""
    if isinstance(value, str):
        return _data_uri(value, field) if value.startswith("data:") else None
    path = value.get("path") if isinstance(value, Mapping) else None
    if not isinstance(path, str):
        raise UserError("IMAGE_INVALID", f"{field} is no picture.", HINT, field)
    return _uploaded(path, field)


def _data_uri(text: str, field: str) -> bytes:
    head, _, body = text.partition(",")
    if not head.endswith(";base64"):
        raise UserError("IMAGE_INVALID", f"{field} is a data URI without base64.", HINT, field)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("IMAGE_INVALID", f"{field} is not base64.", HINT, field) from None


def _uploaded(name: str, field: str) -> Path:
    """The file of an upload; only what Gradio itself has stored may be named."""
    folder = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
    path = Path(name).resolve()
    if not (path.is_relative_to(folder) and path.is_file()):
        raise UserError("IMAGE_INVALID", f"{field} is no uploaded file.", HINT, field)
    return path
