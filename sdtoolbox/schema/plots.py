"""A plot: one request drawn again and again with other values, along up to three axes, and a grid of the pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from sdtoolbox.schema.checks import Name, Text

AXES = ("x", "y", "z")
MOST_CELLS = 1000
SHORT = re.compile(r"\s*([xyz])\s*[:=]\s*([^:=]+?)\s*(?:[:=](.*))?", re.DOTALL | re.IGNORECASE)
Value = bool | int | float | Text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Axis(_Part):
    """What changes along one direction."""

    field: Name = Field(
        description="A field of the request, or one of prompt_sr, prompt_order, prompt_matrix, prompts."
    )
    values: Text | tuple[Value, ...] = Field("", description="As text (1-10 (+3), 0-1 [5], a, b) or as a list.")


class Cell(_Part):
    """One place of a plot: column, row, layer, and the fields in which its request differs from the plot's own."""

    place: tuple[int, int, int]
    changes: dict[str, Any] = {}


class Plan(_Part):
    """What resolving made of the axes: every cell, in the order in which they are drawn."""

    legends: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    cells: tuple[Cell, ...] = Field(max_length=MOST_CELLS)


class Plot(_Part):
    """The axes of a plot; `plan` is filled in when the request is resolved."""

    x: Axis | None = None
    y: Axis | None = None
    z: Axis | None = None
    legend: bool = Field(True, description="Write the values beside the pictures.")
    margin: Annotated[int, Field(ge=0, le=500)] = Field(0, description="Pixels between the pictures.")
    plan: Plan | None = None


def plot_from(value: Any) -> Any:
    """A plot from what doors send: an object, or lines such as `x: steps: 10, 20`; None if it has no axis."""
    if isinstance(value, str):
        value = re.split(r"\n(?=\s*[xyz]\s*[:=])", value, flags=re.IGNORECASE)
    if isinstance(value, list | tuple):
        found: dict[str, Any] = {}
        for line in value:
            if not isinstance(line, str):
                return value
            if (said := SHORT.fullmatch(line)) is not None:
                found[said[1].casefold()] = {"field": said[2], "values": (said[3] or "").strip()}
            elif line.strip():
                raise _not_understood(line)
        value = found
    if not isinstance(value, Mapping):
        return value
    if unknown := [name for name in value if name not in Plot.model_fields]:
        raise _not_understood(str(unknown[0]))
    axes = {name: axis for name in AXES if (axis := _axis(value.get(name))) is not None}
    return axes | {name: one for name, one in value.items() if name not in AXES} if axes else None


def _axis(value: Any) -> Any:
    if isinstance(value, str):
        field, _, values = value.partition(":")
        value = {"field": field.strip(), "values": values.strip()}
    if isinstance(value, Mapping) and not str(value.get("field") or "").strip():
        return None
    return value


def _not_understood(text: str) -> PydanticCustomError:
    return PydanticCustomError(
        "plot_text", "is no plot: {text} is not understood; write x: steps: 10, 20", {"text": text[:40]}
    )
