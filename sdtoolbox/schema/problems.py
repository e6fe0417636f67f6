"""Pydantic's findings in a person's words: what happened, with the value; what is allowed."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sdtoolbox.errors import UserError

if TYPE_CHECKING:
    from sdtoolbox.schema.requests import Request


def explain(error: ValidationError, request: type[Request]) -> list[UserError]:
    """One `UserError` a field at fault, in the order in which pydantic found them."""
    found: dict[str, UserError] = {}
    for details in error.errors(include_url=False):
        name = str(details["loc"][0]) if details["loc"] else ""
        found.setdefault(name, _explain(details, name, request))
    return list(found.values())


def _explain(details: ErrorDetails, name: str, request: type[Request]) -> UserError:
    value = shown(details["input"])
    kind = details["type"]
    if kind == "extra_forbidden" and len(details["loc"]) == 1:
        near = get_close_matches(name, request.model_fields, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Fields are: {', '.join(request.model_fields)}."
        return UserError("PARAM_INVALID", f"{request.task} has no field {shown(name)}.", hint, name[:80])
    if kind == "missing":
        return UserError("PARAM_INVALID", f"{name} is missing.", "Give it a value.", name)
    if kind in ("string_too_long", "string_too_short"):
        limits = details.get("ctx", {})
        hint = " ".join(f"{text} {limits[key]} characters." for key, text in _LENGTHS.items() if key in limits)
        return UserError("PARAM_INVALID", f"{name} has {len(details['input'])} characters.", hint, name)
    if kind == "too_long":
        limits = details.get("ctx", {})
        said = f"{name} has {limits.get('actual_length', len(details['input']))} entries."
        return UserError("PARAM_INVALID", said, f"At most {limits.get('max_length')}.", name)
    said = _SAID.get(kind, details["msg"] if kind in _OURS else "is out of range")
    if inside := [str(one + 1 if isinstance(one, int) else one) for one in details["loc"][1:]]:
        return UserError("PARAM_INVALID", f"{name}, {', '.join(inside)}: {value} {said}.", _bounds(details), name)
    return UserError("PARAM_INVALID", f"{name} {value} {said}.", _allowed(request, name), name)


_SAID = {
    "string_type": "is not text",
    "string_unicode": "holds half of a surrogate pair",
    "string_pattern_mismatch": "is not the id of a picture",
}
_OURS = {"number_type", "finite_number", "whole_number", "text_nul", "plot_text"}
_BOUNDS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
_LENGTHS = {"max_length": "At most", "min_length": "At least"}


def _bounds(details: ErrorDetails) -> str:
    """What is allowed inside a list, where only the bound that was broken is known."""
    known = [f"{_BOUNDS[key]} {bound:g}" for key, bound in details.get("ctx", {}).items() if key in _BOUNDS]
    return f"Allowed is a number {' '.join(known)}." if known else ""


def _allowed(request: type[Request], name: str) -> str:
    if name not in request.model_fields:
        return ""
    schema: dict[str, Any] = request.model_json_schema()["properties"][name]
    for part in (schema, *schema.get("anyOf", ())):
        if part.get("type") in ("integer", "number"):
            word = "a whole number" if part["type"] == "integer" else "a number"
            return f"Allowed is {word} from {part.get('minimum')} to {part.get('maximum')}."
        if part.get("enum"):
            return f"Allowed is one of {', '.join(part['enum'])}."
        if "pattern" in part:
            return "Add the picture to the store first: its id has 32 digits."
        if part.get("type") == "string":
            return "Allowed is text."
        if part.get("type") == "boolean":
            return "Allowed is true or false."
    return ""


def shown(value: Any) -> str:
    """A short, safe echo of a value: never more than 60 characters, never a character that breaks JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
