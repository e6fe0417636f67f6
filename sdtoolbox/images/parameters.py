"""The A1111 `parameters` text: what people paste to one another, written from and read into a request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sdtoolbox import __version__
from sdtoolbox.registry import Registry
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.requests import Request, control_of

# The order in which A1111 writes its keys; keys that are not here follow in the order of the request's fields.
ORDER = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Init image hash",
    "RNG",
    "Tiling",
)
NEGATIVE = "Negative prompt: "
PAIR = re.compile(r'\s*([^:,"]+?)\s*:\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
NO_VAE = ("", "None", "Automatic")  # how the VAE of the checkpoint itself is called
FEWEST_PAIRS = 3  # a last line with fewer pairs is part of the prompt


def parameters_text(
    request: Request,
    *,
    seed: int,
    index: int,
    checkpoint: Mapping[str, Any],
    registries: Mapping[str, Registry[Any]],
    vae: Mapping[str, Any] | None = None,
    adapters: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The text of one picture: prompt, negative prompt, one line of `Key: value`.

    `request` is the resolved request of the picture's batch, `index` its place in it, `seed` its own seed;
    `checkpoint` and `vae` have `name` and `sha256`; `registries` gives the labels people know ("DPM++ 2M");
    `adapters` has, by the id that stands in the request, `name` and `autov3`: they are written behind the prompt, as
    the tags that everybody reads.
    """
    known_adapters = adapters or {}
    values = request.model_dump()
    pairs: dict[str, Any] = {}
    for name, value in values.items():
        control = control_of(type(request), name)
        if control.parameters_key and value is not None:
            known = registries.get(control.choices)
            pairs[control.parameters_key] = known.get(value).label if known is not None else value
    pairs |= {"Seed": seed, "Model": checkpoint["name"], "Model hash": str(checkpoint["sha256"])[:10]}
    pairs.pop("VAE", None)
    if vae is not None:
        pairs |= {"VAE": vae["name"], "VAE hash": str(vae["sha256"])[:10]}
    pairs["Size"] = f"{values['width']}x{values['height']}"
    if values.get("batch_size", 1) > 1:
        pairs |= {"Batch size": values["batch_size"], "Batch pos": index}
    if hashes := _adapter_hashes(known_adapters):
        pairs["Lora hashes"] = hashes
    pairs["Version"] = f"sdtoolbox {__version__}"
    ordered = [key for key in ORDER if key in pairs] + [key for key in pairs if key not in ORDER]
    lines = [" ".join(part for part in (values["prompt"], _tags(request, known_adapters)) if part)]
    if values["negative_prompt"]:
        lines.append(NEGATIVE + values["negative_prompt"])
    lines.append(", ".join(f"{key}: {_quoted(pairs[key])}" for key in ordered))
    return "\n".join(lines)


def _tags(request: Request, known: Mapping[str, Mapping[str, Any]]) -> str:
    used: tuple[Adapter, ...] = getattr(request, "adapters", ())
    written = []
    for adapter in used:
        name = str(known.get(adapter.adapter, {}).get("name", adapter.adapter))
        if any(mark in name for mark in "<>:;\n"):
            name = adapter.adapter  # no tag can hold it; the id can be found too
        written.append(f"<lora:{adapter.model_copy(update={'adapter': name}).written()}>")
    return " ".join(written)


def _adapter_hashes(known: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']}: {str(one['autov3'])[:12]}" for one in known.values() if one.get("autov3"))


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',:\n"') else text


def split_parameters(text: str) -> tuple[str, str, dict[str, str]]:
    """(prompt, negative prompt, pairs) of a parameters text; one without a line of pairs is all prompt."""
    lines = text.strip().replace("\r\n", "\n").split("\n")
    pairs = {key: _unquoted(value) for key, value in PAIR.findall(lines[-1])}
    if len(pairs) < FEWEST_PAIRS:
        pairs = {}
    else:
        lines = lines[:-1]
    start = next((i for i, line in enumerate(lines) if line.startswith(NEGATIVE.rstrip())), len(lines))
    negative = "\n".join(lines[start:])[len(NEGATIVE) - 1 :].strip() if start < len(lines) else ""
    return "\n".join(lines[:start]).strip(), negative, pairs


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value.strip()


def parse_parameters(
    text: str, request: type[Request], registries: Mapping[str, Registry[Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Field values for `request` from anybody's parameters text, and the keys that it has no field for.

    Values are converted but not checked: `request.parse` does that. "DPM++ 2M Karras" is read as sampler and
    schedule; `Sampler: Undefined` as none.
    """
    prompt, negative, pairs = split_parameters(text)
    values: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative}
    if size := re.fullmatch(r"(\d+)\s*x\s*(\d+)", pairs.pop("Size", "")):
        values |= {"width": int(size[1]), "height": int(size[2])}
    for name in request.model_fields:
        control = control_of(request, name)
        raw = pairs.pop(control.parameters_key, None) if control.parameters_key else None
        if raw in (None, "", "Undefined") or (control.choices == "vaes" and raw in NO_VAE):
            continue
        values[name] = raw if control.kind == "choice" else _number(str(raw))
    _split_old_sampler(values, registries)
    return values, list(pairs)


def _number(text: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _split_old_sampler(values: dict[str, Any], registries: Mapping[str, Registry[Any]]) -> None:
    # Before A1111 1.9 the schedule stood at the end of the sampler's name.
    sampler = values.get("sampler")
    if sampler is None or sampler in registries["samplers"]:
        return
    for schedule in registries["schedules"]:
        head = sampler[: -len(schedule.label)].rstrip()
        if sampler.casefold().endswith(" " + schedule.label.casefold()) and head in registries["samplers"]:
            values["sampler"] = head
            values.setdefault("schedule", schedule.label)
            return
