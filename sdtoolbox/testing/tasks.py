"""What every task promises: its requests survive JSON and metadata, and the same request draws the same picture."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.registered import TaskInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import Request, control_of, picture_fields
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.testing.checkpoint import NAME as FAKE
from sdtoolbox.testing.pictures import sample_bytes
from sdtoolbox.toolbox import Toolbox

Values = Mapping[str, Any]
SEED = 7


def declares(entry: Entry[TaskInfo]) -> str:
    """Each field has a control, for the form, and a description, for everybody."""
    request = entry.value.request
    request.model_json_schema()
    for name, info in request.model_fields.items():
        control_of(request, name)
        if not info.description:
            raise PromiseError(f"the field {name} has no description: Field(…, description=…)")
    return ", ".join(request.model_fields)


def sample_values(toolbox: Toolbox, request: type[Request]) -> dict[str, Any]:
    """Values with which a request can be made: pictures, some words where a prompt is asked for, a seed."""
    values: dict[str, Any] = {}
    for name in picture_fields(request):
        data = BytesIO()
        mask = control_of(request, name).kind == "mask"
        picture = Image.new("L", (64, 45), 255) if mask else Image.fromarray(sample_bytes())
        picture.save(data, "PNG")
        values[name] = (toolbox.add_mask if mask else toolbox.add_picture)(data.getvalue())
    for name in request.model_fields:
        if name == "prompt":
            values[name] = "a house"
        if name == "seed":
            values[name] = SEED
        if name == "checkpoint":
            values[name] = FAKE
    return values


def round_trips(toolbox: Toolbox, entry: Entry[TaskInfo], given: Values) -> str:
    """A request is the same after JSON, as the queue keeps it, and resolving it twice changes nothing."""
    request = toolbox.parse(entry.id, sample_values(toolbox, entry.value.request) | dict(given))
    resolved = toolbox.resolve(request)
    for one in (request, resolved):
        if type(one).model_validate_json(one.model_dump_json()) != one:
            raise PromiseError(f"a request is another one after JSON: {one.model_dump_json()[:200]}")
    if toolbox.resolve(resolved) != resolved:
        raise PromiseError("resolving a resolved request changes it")
    return f"{len(resolved.model_dump_json())} bytes of JSON"


def runs(toolbox: Toolbox, entry: Entry[TaskInfo], given: Values) -> str:
    """Through queue, worker and store; twice the same; and each picture says how to draw it again."""
    values = sample_values(toolbox, entry.value.request) | dict(given)
    first, second = (toolbox.run(entry.id, **values) for _ in range(2))
    if not first.pictures:
        raise PromiseError("it makes no picture: yield Drawn(image, seed, request, index) for each")
    if [one.id for one in first.pictures] != [one.id for one in second.pictures]:
        raise PromiseError("the same request draws another picture the second time: take all randomness from the seed")
    for picture in first.pictures:
        try:
            recalled = toolbox.recall(toolbox.picture_path(picture.id), entry.id)
            request = toolbox.parse(entry.id, recalled.values)
        except UserError as error:
            raise PromiseError(f"what stands in its picture makes no request: {error}") from None
        if request.model_dump(mode="json") != picture.request:
            raise PromiseError("what stands in its picture is another request than the one that it was drawn with")
    sizes = sorted({f"{one.width}x{one.height}" for one in first.pictures})
    return f"{len(first.pictures)} pictures of {', '.join(sizes)} pixels"
