"""Options of samplers and schedules: what a function's signature says of each, and the values a request gives them.

A sampler writes `eta: Share = 1.0` after `on_step`, and every door has the option: with its bounds, its key in a
picture's text, and a control in the form while that sampler is chosen.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, Field

from sdtoolbox.schema.checks import Name

OptionValue: TypeAlias = bool | int | float | str
PAIR = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+')
"""A pair of options in a row, which commas separate, but not within quotes."""
LARGEST = 1e6
"""Where an option's own bounds end that has none: far beyond all sense, and finite."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Put into an option's annotation: smallest and largest value, and its key in the A1111 text if it has one."""

    minimum: float
    maximum: float
    parameters_key: str = ""


Share = Annotated[float, Limits(0, 1, "Eta")]
"""How much of the fresh noise that the process would add; A1111 calls it eta."""
Churn = Annotated[float, Limits(0, 100, "Sigma churn")]
ChurnFrom = Annotated[float, Limits(0, 10_000, "Sigma tmin")]
ChurnTo = Annotated[float, Limits(0, 10_000, "Sigma tmax")]
NoiseScale = Annotated[float, Limits(0, 10, "Sigma noise")]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a sampler or a schedule; its type is that of its default."""

    name: str
    default: OptionValue
    minimum: float = -LARGEST
    maximum: float = LARGEST
    choices: tuple[str, ...] = ()
    parameters_key: str = ""

    def checked(self, value: Any) -> OptionValue:
        """The value in the option's own type; ValueError that says what is allowed."""
        if isinstance(self.default, bool):
            return _truth(value)
        if isinstance(self.default, str):
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                raise ValueError(f"Allowed is {' or '.join(self.choices)}." if self.choices else "Allowed is text.")
            return value
        whole = isinstance(self.default, int)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum or (whole and value != int(value)):
            word = "a whole number" if whole else "a number"
            raise ValueError(f"Allowed is {word} from {self.minimum:g} to {self.maximum:g}.")
        return int(value) if whole else float(value)


def _truth(value: Any) -> bool:
    if isinstance(value, str) and value.strip().casefold() in ("true", "false"):
        return value.strip().casefold() == "true"
    if not isinstance(value, bool):
        raise ValueError("Allowed is true or false.")
    return value


def options_of(function: Callable[..., Any], given: Collection[str]) -> dict[str, Option]:
    """The options in a function's signature: every parameter that is not `given`. TypeError for one without default.

    Bounds come from `Limits` in the annotation, choices from `Literal`; annotations that cannot be read are passed
    over, and the default's type alone counts.
    """
    parameters = {name: p for name, p in inspect.signature(function).parameters.items() if name not in given}
    without = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
    if without:
        raise TypeError(f"options of {function.__name__} need defaults: {', '.join(without)}")
    return {name: _option(name, p, function) for name, p in parameters.items()}


def _option(name: str, parameter: inspect.Parameter, function: Callable[..., Any]) -> Option:
    default = parameter.default
    if not isinstance(default, bool | int | float | str) or (isinstance(default, float) and not math.isfinite(default)):
        raise TypeError(f"option {name} of {function.__name__} must be a finite number, true or false, or text")
    annotation = _annotation(parameter, function)
    if get_origin(annotation) is Literal:
        return Option(name, default, choices=tuple(map(str, get_args(annotation))))
    limits = next((one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Limits)), None)
    if limits is None:
        return Option(name, default)
    return Option(name, default, limits.minimum, limits.maximum, parameters_key=limits.parameters_key)


def _annotation(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """Of this parameter alone: others name tensors, which are not there where nothing imports torch."""
    if parameter.annotation is inspect.Parameter.empty:
        return None
    alone = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        return get_type_hints(alone, globalns=getattr(function, "__globals__", {}), include_extras=True)["it"]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None


def options_from(value: Any) -> Any:
    """A mapping from what doors send: an object, "eta=0.5, s_noise=1.1", or a list of such texts."""
    if value is None:
        return {}
    if isinstance(value, str):
        value = [value.replace(";", ",").replace("\n", ",")]
    if not isinstance(value, list | tuple):
        return value
    found: dict[str, Any] = {}
    for one in value:
        if isinstance(one, str):
            found |= _pairs(one)
        elif isinstance(one, Mapping):
            found |= one
        else:
            return value
    return found


def _pairs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in PAIR.findall(text):
        name, sign, raw = (piece.strip() for piece in part.partition("="))
        if name or sign:
            found[name] = _value(raw)
    return found


def _value(text: str) -> OptionValue:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text.casefold() == "true" if text.casefold() in ("true", "false") else text


def written(options: Mapping[str, OptionValue]) -> str:
    """The short form, which `options_from` reads: "eta=0.5, s_noise=1.1"; texts with a comma or such are quoted."""
    return ", ".join(f"{name}={_text(value)}" for name, value in options.items())


def _text(value: OptionValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    plain = not isinstance(value, str) or not (set(text) & set(',;="\n') or text != text.strip())
    # ";" and line ends separate what stands around the options: see `checks.several_from`.
    return text if plain else json.dumps(text, ensure_ascii=False).replace(";", "\\u003b")


Options = Annotated[
    dict[Name, bool | int | float | Name],
    Field(max_length=32),
    BeforeValidator(options_from),
]
"""Values by option name; which ones there are, and within which bounds, only the chosen sampler or schedule knows."""
