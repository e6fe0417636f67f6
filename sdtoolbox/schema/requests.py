"""Requests: frozen, bounded, finite, without paths, URLs or pixels; one class a task."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.problems import explain

PICTURE_KINDS = ("picture", "mask")
"""Kinds of controls whose fields hold the id of a picture in the store."""


class Request(BaseModel):
    """What a task is asked to do: small JSON that can be queued, hashed, written into a picture and replayed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    task: ClassVar[str]

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The request with these values by field name or alias; `InvalidRequest` names every field at fault."""
        try:
            return cls.model_validate(cls.without_aliases(values))
        except ValidationError as error:
            raise InvalidRequest(explain(error, cls)) from None

    @classmethod
    def without_aliases(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values with every alias ("model") replaced by its field's name ("checkpoint")."""
        names = {alias: name for name in cls.model_fields for alias in control_of(cls, name).aliases}
        return {names.get(key, key): value for key, value in values.items()}


def control_of(request: type[Request], name: str) -> Control:
    """The control of a request's field; every field has one, looked for inside `X | None` too."""
    found = _find_control(request.model_fields[name])
    if found is None:
        raise TypeError(f"{request.__name__}.{name} has no Control: use a type of sdtoolbox.schema.fields")
    return found


def _find_control(info: FieldInfo) -> Control | None:
    stack: list[Any] = [*info.metadata, info.annotation]
    while stack:
        part = stack.pop()
        if isinstance(part, Control):
            return part
        stack.extend(getattr(part, "__metadata__", ()))
        stack.extend(getattr(part, "__args__", ()))
    return None


def picture_fields(request: type[Request]) -> list[str]:
    """The fields that hold the id of a picture or a mask."""
    return [name for name in request.model_fields if control_of(request, name).kind in PICTURE_KINDS]


def prompt_fields(request: type[Request]) -> list[str]:
    """The fields that hold a prompt."""
    return [name for name in request.model_fields if control_of(request, name).kind == "prompt"]


def shown_fields(request: type[Request]) -> list[str]:
    """The fields that people are asked for, pictures first: all but those that resolving alone fills in."""
    kinds = {name: control_of(request, name).kind for name in request.model_fields}
    pictures = [name for name, kind in kinds.items() if kind in PICTURE_KINDS]
    return [*pictures, *(name for name, kind in kinds.items() if kind not in (*PICTURE_KINDS, "hidden"))]


def bounds_of(request: type[Request], name: str) -> tuple[float | None, float | None]:
    """Smallest and largest allowed value of a number field, None where there is no bound."""
    schema = _properties(request)[name]
    for part in (schema, *schema.get("anyOf", ())):
        if "minimum" in part or "maximum" in part:
            return part.get("minimum"), part.get("maximum")
    return None, None


@lru_cache(maxsize=64)  # a form asks for each of its numbers, and making it takes 0.02 s
def _properties(request: type[Request]) -> dict[str, Any]:
    return dict(request.model_json_schema()["properties"])
