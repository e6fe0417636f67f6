"""From what a picture says, in anybody's words, to the fields of a request; what no field takes is kept beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdtoolbox.images.dialects import a1111
from sdtoolbox.images.dialects.said import Said
from sdtoolbox.images.parameters import SIZES, options_known
from sdtoolbox.registry import Registry
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.options import options_from
from sdtoolbox.schema.requests import PICTURE_KINDS, Request, control_of

NO_VAE = ("", "None", "Automatic")  # how the VAE of the checkpoint itself is called
NOTHING = (None, "", "Undefined")
SIZE = re.compile(r"\s*(\d{1,9})\s*[x×]\s*(\d{1,9})\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """`values` by field, converted but not checked; `rest` by key, what there is no field for."""

    values: dict[str, Any]
    rest: dict[str, str]


def parse_parameters(text: str, request: type[Request], registries: Mapping[str, Registry[Any]]) -> Reading:
    """What a text in A1111's form says for a request, old forms too: see `read_said`."""
    prompt, negative, pairs = a1111.split(text)
    return read_said(Said("A1111", prompt, negative, pairs), request, registries)


def read_said(said: Said, request: type[Request], registries: Mapping[str, Registry[Any]]) -> Reading:
    """Field values for `request`; a key that is absent means what its control says.

    Values are converted but not checked: `request.parse` does that. "DPM++ 2M Karras" is read as sampler and
    schedule; `Sampler: Undefined` as none.
    """
    pairs = dict(said.pairs)
    values: dict[str, Any] = {"prompt": said.prompt, "negative_prompt": said.negative}
    controls = {name: control_of(request, name) for name in request.model_fields}
    flags = {one.of for one in controls.values() if one.of in controls and controls[one.of].kind == "flag"}
    on = {name for name in flags if _is_on(name, controls, pairs)}
    values |= {name: name in on for name in flags if pairs}
    _take_sizes(values, pairs)
    for name, control in controls.items():
        if not control.parameters_key or control.kind == "options" or control.of in flags - on:
            continue
        raw = pairs.pop(control.parameters_key, control.absent if said.pairs else None)
        if not (raw in NOTHING or _says_nothing(control, raw)):
            values[name] = _converted(control, raw)
    _split_old_sampler(values, registries)
    _take_options(values, pairs, request, registries)
    return Reading({name: value for name, value in values.items() if name in controls}, pairs)


def _is_on(flag: str, controls: Mapping[str, Control], pairs: Mapping[str, str]) -> bool:
    """A flag without a key is on where a key stands that belongs to it and to nothing else: "Hires upscale"."""
    word = controls[flag].label.split()[0]
    keys = {one.parameters_key for one in controls.values() if one.of == flag} | set(SIZES)
    return any(key in pairs and key.startswith(word) for key in keys)


def _take_sizes(values: dict[str, Any], pairs: dict[str, str]) -> None:
    for key, (width, height) in SIZES.items():
        if size := SIZE.fullmatch(pairs.get(key, "")):
            del pairs[key]
            sides = {width: int(size[1]), height: int(size[2])}
            # A picture without a side is none; elsewhere 0 leaves one open.
            values |= {name: side for name, side in sides.items() if side or key != "Size"}


def _says_nothing(control: Control, raw: Any) -> bool:
    if control.choices == "vaes":
        return raw in NO_VAE
    # A1111 writes 0 steps, and "Use same sampler", where the second pass does as the first.
    return control.same and (raw in ("0", "None") or str(raw).startswith("Use same"))


def _converted(control: Control, raw: Any) -> Any:
    if not isinstance(raw, str) or control.kind in PICTURE_KINDS:
        return raw
    if control.kind == "flag":
        return {"true": True, "false": False}.get(raw.strip().casefold(), raw)
    if control.kind in ("choice", "prompt"):
        words = {word.casefold(): value for value, word in (*control.options, *control.spelled)}
        return words.get(raw.casefold(), raw)
    return number(raw)


def number(text: str) -> int | float | str:
    """The number a text is, else the text."""
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _take_options(
    values: dict[str, Any], pairs: dict[str, str], request: type[Request], registries: Mapping[str, Registry[Any]]
) -> None:
    for name in request.model_fields:
        control = control_of(request, name)
        if control.kind != "options":
            continue
        found = options_from(pairs.pop(control.parameters_key or control.label, ""))
        for option in options_known(control, registries, values).values():
            if option.parameters_key in pairs:
                found[option.name] = number(pairs.pop(option.parameters_key))
        if found:
            values[name] = found


def _split_old_sampler(values: dict[str, Any], registries: Mapping[str, Registry[Any]]) -> None:
    # Before A1111 1.9 the schedule stood at the end of the sampler's name.
    sampler = values.get("sampler")
    if not isinstance(sampler, str) or sampler in registries["samplers"]:
        return
    for schedule in registries["schedules"]:
        head = sampler[: -len(schedule.label)].rstrip()
        if sampler.casefold().endswith(" " + schedule.label.casefold()) and head in registries["samplers"]:
            values["sampler"] = head
            values.setdefault("schedule", schedule.label)
            return
