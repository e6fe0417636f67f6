"""The named endpoint of a task for Gradio's clients: parameters, types, defaults and help follow from the schema."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from pydantic_core import PydanticUndefined

from sdtoolbox.errors import UserError
from sdtoolbox.registered import TaskInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import PICTURE_KINDS, Request, control_of, shown_fields
from sdtoolbox.schema.results import Picture, Result
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import uploads

log = logging.getLogger(__name__)
CLIENT = "gradio-client"
LISTED = ("adapters", "styles", "stages", "steers")
"""Kinds of controls whose values are lists, which clients may write as texts in their short form."""


def add_endpoint(toolbox: Toolbox, entry: Entry[TaskInfo]) -> None:
    """Add `/<task>` to the current Blocks: `(…fields) -> (picture files, the result's JSON)`.

    It submits a job and waits for it; a client that goes away leaves its job in the queue.
    """
    request = entry.value.request
    gr.api(
        _function(toolbox, request),
        api_name=request.task,
        api_description=entry.value.help,
        concurrency_limit=None,
    )
    block_function = list(gr.context.Context.root_block.fns.values())[-1]
    schema = request.model_json_schema()["properties"]
    for component, name in zip(block_function.inputs, shown_fields(request), strict=True):
        # gr.api knows plain types only; the schema has the bounds, and the field's help for view_api.
        description = request.model_fields[name].description or ""
        component._api_info = _described(request, name, schema[name]) | {"additional_description": description}
        component.label = control_of(request, name).label
    for component, label in zip(block_function.outputs, ("pictures", "result"), strict=True):
        component.label = label


def _described(request: type[Request], name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A field's schema as clients can show it: adapters in their short form, though objects are taken too."""
    if control_of(request, name).kind in LISTED:
        return {"type": "array", "items": {"type": "string"}, "default": []}
    if control_of(request, name).kind in PICTURE_KINDS:
        return dict(uploads.DESCRIPTION)
    if control_of(request, name).kind == "plot":
        return {"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}], "default": None}
    return dict(schema)


def _function(toolbox: Toolbox, request: type[Request]) -> Callable[..., Any]:
    names = shown_fields(request)

    async def endpoint(*values: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        try:
            result = await _draw(toolbox, request.task, dict(zip(names, values, strict=True)))
            return [_file(toolbox, picture) for picture in result.pictures], result.model_dump(mode="json")
        except UserError as error:
            raise gr.Error(str(error), title=error.code, print_exception=False) from None
        except Exception:  # the edge of the server: the caller gets a sentence, the log gets the rest
            log.exception("endpoint %s failed", request.task)
            raise gr.Error(
                "internal error; the server's log has it.", title="INTERNAL", print_exception=False
            ) from None

    # Gradio reads names, defaults and types off the signature.
    endpoint.__name__ = request.task
    endpoint.__signature__ = _signature(request)  # type: ignore[attr-defined]
    endpoint.__annotations__ = {parameter.name: parameter.annotation for parameter in _parameters(request)}
    return endpoint


def _signature(request: type[Request]) -> inspect.Signature:
    return inspect.Signature(_parameters(request), return_annotation=tuple[list[str], dict[str, Any]])


def _parameters(request: type[Request]) -> list[inspect.Parameter]:
    found = []
    for name in shown_fields(request):
        info = request.model_fields[name]
        default = inspect.Parameter.empty if info.default is PydanticUndefined else info.default
        annotation: Any = info.annotation
        if control_of(request, name).kind in LISTED:
            default, annotation = [], list[str]
        if control_of(request, name).kind in ("plot", *PICTURE_KINDS):
            annotation = dict[str, Any]
        found.append(
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        )
    return found


async def _draw(toolbox: Toolbox, task: str, values: Mapping[str, Any]) -> Result:
    """Submit, then watch to the end; the job's own `UserError` if it failed or was cancelled."""

    def submit() -> str:
        given = uploads.with_ids(toolbox, toolbox.registries.tasks.get(task).value.request, values)
        return toolbox.submit(toolbox.parse(task, given), client=CLIENT)

    # In a thread, because putting a job on disk may have to wait for the disk, and the loop serves everybody.
    job_id = await asyncio.to_thread(submit)
    async for _event in toolbox.awatch(job_id):
        pass
    return toolbox.result(job_id)


def _file(toolbox: Toolbox, picture: Picture) -> dict[str, Any]:
    path = toolbox.picture_path(picture.id)
    return {"path": str(path), "orig_name": path.name, "mime_type": picture.media, "meta": {"_type": "gradio.FileData"}}
