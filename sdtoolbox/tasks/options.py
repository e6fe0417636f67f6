"""The options of a request's sampler and schedule, held against the signature of what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.schema.options import Option
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, control_of


def resolve_options(
    request: Request, values: dict[str, Any], registries: Registries, problems: list[UserError]
) -> None:
    """Put the options into `values`, each in its own type; add to `problems` what the chosen one does not know.

    The sampler's and the schedule's names are resolved already; where one is still open nothing is said.
    """
    for name in type(request).model_fields:
        control = control_of(type(request), name)
        chosen = values.get(control.choices.removesuffix("s")) if control.kind == "options" else None
        registry = registries.by_name().get(control.choices)
        if chosen is None or registry is None or chosen not in registry:
            continue
        entry = registry.get(chosen)
        owner = f"{registry.noun} {entry.label}"
        for option, value in values[name].items():
            try:
                values[name] = values[name] | checked_options(owner, entry.value.options, {option: value}, name)
            except UserError as error:
                problems.append(error)


def checked_options(owner: str, known: Mapping[str, Option], given: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The options that `given` names, each in its own type; UserError for one that `owner` does not have."""
    return {name: _checked(owner, known, name, value, field) for name, value in given.items()}


def _checked(owner: str, known: Mapping[str, Option], name: str, value: Any, field: str) -> Any:
    if name not in known:
        hint = f"Its options are: {', '.join(known)}." if known else "It has none."
        raise UserError("PARAM_INVALID", f"{owner} has no option {shown(name)}.", hint, field)
    try:
        return known[name].checked(value)
    except ValueError as error:
        said = f"option {name} of {owner} cannot be {shown(value)}."
        raise UserError("PARAM_INVALID", said, str(error), field) from None
