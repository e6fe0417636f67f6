"""An extension's own settings: a pydantic model with defaults, filled from settings.toml or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sdtoolbox.errors import UserError
from sdtoolbox.schema.problems import shown

M = TypeVar("M", bound=BaseModel)


def own_settings(extension: str, model: type[M], given: Mapping[str, Any]) -> M:
    """The settings of an extension, with what somebody chose in place of the defaults.

    TypeError if a field has no default: an extension works without anybody's help. UserError that names the first
    wrong setting, with its value and what is allowed.
    """
    open_ones = [name for name, info in model.model_fields.items() if info.is_required()]
    if open_ones:
        raise TypeError(f"settings of {extension} need defaults: {', '.join(open_ones)}")
    known = [info.alias or name for name, info in model.model_fields.items()]
    if model.model_config.get("extra") != "allow" and (strange := [name for name in given if name not in known]):
        near = get_close_matches(strange[0], known, n=1)
        hint = f"did you mean {near[0]}" if near else f"there are {', '.join(known) or 'none'}"
        raise _refused(extension, f"it has no setting {shown(strange[0])[:80]}: {hint}", strange[0])
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        secret = bool(first["loc"]) and "Secret" in str(_field(model, first["loc"][0]))
        value = "" if secret or not name else f" {shown(first['input'])}"
        raise _refused(extension, f"its setting {name}{value} is wrong: {_lowered(first['msg'])}", name) from None


def _refused(extension: str, said: str, name: str) -> UserError:
    hint = f"It stands under [extensions.{extension}] in settings.toml, or in SDTOOLBOX_EXTENSIONS."
    return UserError("PARAM_INVALID", f"{said}.", hint, name[:80])


def _field(model: type[BaseModel], name: Any) -> Any:
    found = [info.annotation for key, info in model.model_fields.items() if name in (key, info.alias)]
    return found[0] if found else None


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
