"""What an axis of a plot changes: any field of the request, words of the prompt, or whole prompts of a list."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import permutations, product
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.schema.axes import AxisError, Kind, Scalar, parse_axis
from sdtoolbox.schema.plots import MOST_CELLS, Axis
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, control_of

Values = Mapping[str, Any]
KINDS: Mapping[str, Kind] = {"integer": "whole", "number": "real", "boolean": "flag"}
NOTHING = "none"
# What A1111's list of prompts calls fields.
FLAGS = {"cfg_scale": "guidance_scale", "sampler_name": "sampler", "n_iter": "batch_count", "sd_model": "checkpoint"}
SPECIAL = {
    "prompt_sr": ("prompt_sr", "prompt s/r", "prompt search/replace"),
    "prompt_order": ("prompt_order", "prompt order"),
    "prompt_matrix": ("prompt_matrix", "prompt matrix"),
    "prompts": ("prompts", "prompts from text", "prompts from file or textbox"),
    "size": ("size",),
}
SEEDS = {"seed": "", "variation_seed": "variation_strength"}
"""Fields in which -1 takes any seed, each with the field that must be set for it to mean anything."""
DRAWN_SEEDS = 2**32 - 2**16
NOT_VARIED = ("hidden", "plot")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an axis: how it is called beside the grid, and what it makes of a request's values."""

    legend: str
    apply: Callable[[Values], Values]


def choices_of(axis: Axis, name: str, request: Request) -> list[Choice]:
    """The values of one axis of a request, in order; UserError for field "plot" that says where the mistake is."""
    special = next((key for key, names in SPECIAL.items() if axis.field.strip().casefold() in names), None)
    try:
        if special is not None:
            return _SPECIAL[special](axis, request)
        return _field_choices(axis, request)
    except AxisError as error:
        place = f" at character {error.at + 1}" if isinstance(axis.values, str) and axis.values else ""
        said = f"the values of {name} ({axis.field[:80]}) are wrong{place}: {error}"
        hint = "" if special else "Write values such as 10, 20 or 1-10 (+3) or 0-1 [5]."
        raise UserError("PARAM_INVALID", said, hint, "plot") from None


def _values(axis: Axis, kind: Kind) -> list[Scalar]:
    return parse_axis(axis.values, kind) if isinstance(axis.values, str) else list(axis.values)


def _texts(axis: Axis) -> list[str]:
    return [str(value) for value in _values(axis, "text")]


def _setting(field: str, value: Any) -> Callable[[Values], Values]:
    return lambda values: {**values, field: value}


def drawn(seed: Any) -> Any:
    """A seed of its own in place of -1: all cells that share a place on the axis share it."""
    return secrets.randbelow(DRAWN_SEEDS) if seed == -1 else seed


# Any field


def _field_choices(axis: Axis, request: Request) -> list[Choice]:
    cls = type(request)
    field, option = _field_called(axis.field, cls)
    label = control_of(cls, field).label
    if option:
        return [_option_choice(field, option, value) for value in _values(axis, _option_kind(axis))]
    values = _values(axis, KINDS.get(_type_of(cls, field), "text"))
    optional = cls.model_fields[field].default in (None, ())
    chosen = [None if optional and str(value).casefold() == NOTHING else value for value in values]
    chosen = [drawn(value) for value in chosen] if field in SEEDS else chosen
    return [Choice(f"{label}: {written(value)}", _setting(field, value)) for value in chosen]


def _option_choice(field: str, option: str, value: Scalar) -> Choice:
    def apply(values: Values) -> Values:
        return {**values, field: {**values[field], option: value}}

    return Choice(f"{option}: {written(value)}", apply)


def _option_kind(axis: Axis) -> Kind:
    """Numbers where the text is one: only the sampler knows of what type its options are."""
    if not isinstance(axis.values, str):
        return "text"
    try:
        parse_axis(axis.values, "real")
    except AxisError:
        return "text"
    return "real"


def _field_called(name: str, cls: type[Request]) -> tuple[str, str]:
    """(field, option of it or "") for a field's name, alias, label or A1111 key, in any case."""
    wanted, _, option = name.strip().casefold().partition(".")
    names: dict[str, str] = {}
    for field in cls.model_fields:
        control = control_of(cls, field)
        if control.kind not in NOT_VARIED:
            for one in (control.parameters_key, control.label, *control.aliases, field):
                names[one.casefold()] = field
    found = names.get(wanted) or names.get(wanted.replace(" ", "_"))
    if found is None or bool(option) != (control_of(cls, found).kind == "options"):
        known = [*cls.model_fields, *SPECIAL]
        near = get_close_matches(wanted, known, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
        if found is not None:
            hint = f"Name one option, such as {found}.eta."
        raise UserError("PARAM_INVALID", f"there is no field {shown(name)} to vary.", hint, "plot")
    return found, option


def _type_of(cls: type[Request], field: str) -> str:
    schema = cls.model_json_schema()["properties"][field]
    types = [part.get("type", "") for part in (schema, *schema.get("anyOf", ()))]
    return next((kind for kind in types if kind in KINDS), "")


def written(value: Any) -> str:
    """A value as a legend says it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


# Words of the prompt


def _search_and_replace(axis: Axis, request: Request) -> list[Choice]:
    texts = _texts(axis)
    search = texts[0] if texts else ""
    before = f"{getattr(request, 'prompt', '')}\n{getattr(request, 'negative_prompt', '')}"
    if not search or search not in before:
        raise AxisError(f"{search[:60]!r} is in neither prompt; the first value is what is replaced.", 0)

    def replacing(text: str) -> Callable[[Values], Values]:
        names = [name for name in ("prompt", "negative_prompt") if hasattr(request, name)]
        return lambda values: {**values, **{name: values[name].replace(search, text) for name in names}}

    return [Choice(text, replacing(text)) for text in texts]


def _order(axis: Axis, request: Request) -> list[Choice]:
    words = _texts(axis)
    prompt = getattr(request, "prompt", "")
    for word in words:
        if not word or word not in prompt:
            raise AxisError(f"{word[:60]!r} is not in the prompt.", 0)
    if len(words) > 6:
        raise AxisError("the orders of more than 6 words are too many.", 0)

    def ordered(order: Sequence[str]) -> Callable[[Values], Values]:
        return lambda values: {**values, "prompt": _reordered(values["prompt"], words, order)}

    return [Choice(", ".join(order), ordered(order)) for order in permutations(words)]


def _reordered(prompt: str, words: Sequence[str], order: Sequence[str]) -> str:
    places = sorted((prompt.find(word), word) for word in words if word in prompt)
    parts, at = [], 0
    for (place, word), new in zip(places, order, strict=False):
        parts += [prompt[at : max(at, place)], new]
        at = max(at, place + len(word))
    return "".join([*parts, prompt[at:]])


def _matrix(_axis: Axis, request: Request) -> list[Choice]:
    options = split_options(getattr(request, "prompt", ""))[1:]
    if not options:
        raise AxisError("the prompt has no parts to combine: write a house | at night | in the snow.", 0)
    return matrix_choices(options)


def matrix_choices(options: Sequence[str]) -> list[Choice]:
    """All combinations of the first parts of a prompt matrix; the parts behind them are left for another axis."""
    if 2 ** len(options) > MOST_CELLS:
        raise AxisError(f"{len(options)} parts have more than {MOST_CELLS} combinations.", 0)

    def combined(taken: Sequence[bool]) -> Callable[[Values], Values]:
        def apply(values: Values) -> Values:
            first, *parts = split_options(values["prompt"])
            kept = [part for part, take in zip(parts, taken, strict=False) if take]
            said = ", ".join(part for part in (first, *kept) if part)
            return {**values, "prompt": " | ".join([said, *parts[len(taken) :]])}

        return apply

    several = [tuple(reversed(taken)) for taken in product((False, True), repeat=len(options))]
    return [
        Choice(", ".join(part for part, take in zip(options, taken, strict=True) if take) or "–", combined(taken))
        for taken in several
    ]


def split_options(prompt: str) -> list[str]:
    """The parts of a prompt matrix: between `|` that stand in no bracket, where they mean something else."""
    parts, depth = [""], 0
    previous = ""
    for letter in prompt:
        escaped = previous == "\\"
        depth += (letter in "([{") - (letter in ")]}") if not escaped else 0
        depth = max(0, depth)
        if letter == "|" and depth == 0 and not escaped:
            parts.append("")
        else:
            parts[-1] += letter
        previous = "" if escaped else letter
    return [part.strip() for part in parts]


# Whole prompts


def _prompts(axis: Axis, request: Request) -> list[Choice]:
    lines = axis.values.split("\n") if isinstance(axis.values, str) else [str(value) for value in axis.values]
    found = [Choice(line.strip(), _line(line.strip(), type(request))) for line in lines if line.strip()]
    if not found:
        raise AxisError("there are no prompts.", 0)
    return found


def _line(line: str, cls: type[Request]) -> Callable[[Values], Values]:
    """A line is a prompt, or flags as A1111's list of prompts has them: --prompt "a house" --steps 20."""
    if not line.startswith("--"):
        return _setting("prompt", line)
    try:
        words = shlex.split(line)
    except ValueError:
        raise AxisError(f"a quote is not closed in {line[:60]!r}.", 0) from None
    changes: dict[str, Any] = {}
    for flag, value in zip(words[::2], [*words[1::2], ""], strict=False):
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--"):
            raise AxisError(f"{flag[:40]!r} is no flag; text with spaces needs quotes.", 0)
        field, _ = _field_called(FLAGS.get(name, name), cls)
        changes[field] = parse_axis(f'"{value}"', "text")[0] if not _type_of(cls, field) else _one(value, cls, field)
    changes |= {name: drawn(changes[name]) for name in SEEDS if name in changes}
    return lambda values: {**values, **changes}


def _one(value: str, cls: type[Request], field: str) -> Scalar:
    if value.strip() in ("-1", "+1"):  # a drawn seed; a minus is no range here
        return int(value)
    return parse_axis(value, KINDS[_type_of(cls, field)])[0]


def _sizes(axis: Axis, _request: Request) -> list[Choice]:
    choices = []
    for text in _texts(axis):
        width, _, height = text.casefold().replace("×", "x").partition("x")
        if not (width.strip().isdecimal() and height.strip().isdecimal()):
            raise AxisError(f"{text[:40]!r} is no size; write 512x768.", 0)
        size = {"width": int(width[:9]), "height": int(height[:9])}
        choices.append(Choice(f"{size['width']}×{size['height']}", lambda values, size=size: {**values, **size}))  # type: ignore[misc]
    return choices


_SPECIAL: Mapping[str, Callable[[Axis, Request], list[Choice]]] = {
    "prompt_sr": _search_and_replace,
    "prompt_order": _order,
    "prompt_matrix": _matrix,
    "prompts": _prompts,
    "size": _sizes,
}
