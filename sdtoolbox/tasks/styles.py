"""The styles of a request: their words are put around the prompts, their settings into what nobody chose."""

from __future__ import annotations

from typing import Any

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.styles import Style, StyleFile, around
from sdtoolbox.schema.requests import Request, control_of

SETTABLE = ("slider", "number", "size", "choice", "flag")
TRUE = {"true": True, "yes": True, "false": False, "no": False}


def apply_styles(
    request: Request,
    values: dict[str, Any],
    checkpoint: CatalogEntry | None,
    styles: StyleFile,
    problems: list[UserError],
) -> None:
    """Apply the styles that `values` names, in order, and name none any more; add to `problems`.

    A setting counts where a field is open, or is as the checkpoint proposes it: what a person chose stays.
    """
    field = next((name for name in values if control_of(type(request), name).kind == "styles"), None)
    if field is None or not values[field]:
        return
    defaults = checkpoint.defaults if checkpoint is not None else {}
    settings: dict[str, Any] = {}
    for name in values[field]:
        try:
            style = styles.get(name, field)
            settings |= _settings(request, style, field)
        except UserError as error:
            problems.append(error)
            continue
        for prompt, words in (("prompt", style.prompt), ("negative_prompt", style.negative_prompt)):
            values[prompt] = around(values[prompt], words)
    for name, value in settings.items():
        if values[name] in (None, defaults.get(name), type(request).model_fields[name].default):
            values[name] = value
    values[field] = ()


def settings_of(request: type[Request], style: Style) -> dict[str, Any]:
    """What a style says of this request's fields, converted and not checked; what it says besides means nothing."""
    able = [name for name in request.model_fields if control_of(request, name).kind in SETTABLE]
    return {name: _value(text) for name, text in style.settings.items() if name in able and name != "checkpoint"}


def _settings(request: Request, style: Style, field: str) -> dict[str, Any]:
    found = settings_of(type(request), style)
    try:
        type(request).parse(found)
    except InvalidRequest as error:
        said = f"the style {style.name!r} says what is not allowed: {error.message}"
        raise UserError("PARAM_INVALID", said, f"{error.hint} Correct it in styles.csv.", field) from None
    return found


def _value(text: str) -> Any:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return TRUE.get(text.casefold(), text)
