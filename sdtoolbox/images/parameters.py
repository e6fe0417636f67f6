"""The A1111 `parameters` text: what people paste to one another, written from a request; `reading` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sdtoolbox import __version__
from sdtoolbox.registry import Registry
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.options import Option
from sdtoolbox.schema.options import written as written_options
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.schema.steers import ChosenSteer

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
SIZES: Mapping[str, tuple[str, str]] = {
    "Size": ("width", "height"),
    "Seed resize from": ("seed_resize_width", "seed_resize_height"),
    "Hires resize": ("hires_width", "hires_height"),
}
"""The keys that hold two fields."""


def parameters_text(
    request: Request,
    *,
    seed: int,
    index: int,
    checkpoint: Mapping[str, Any] | None,
    registries: Mapping[str, Registry[Any]],
    vae: Mapping[str, Any] | None = None,
    adapters: Mapping[str, Mapping[str, Any]] | None = None,
    models: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The text of one picture: prompt, negative prompt, one line of `Key: value`.

    `request` is the resolved request of the picture's batch, `index` its place in it, `seed` its own seed;
    `checkpoint` and `vae` have `name` and `sha256`, and are None where the request has none; `registries` gives the
    labels people know ("DPM++ 2M");
    `adapters` has, by the id that stands in the request, `name` and `autov3`: they are written behind the prompt, as
    the tags that everybody reads; `models` has, by id, `name` and `sha256` of what other fields name.
    """
    known_adapters = adapters or {}
    values = request.model_dump()
    pairs: dict[str, Any] = {}
    for name, value in values.items():
        pairs |= _written(control_of(type(request), name), value, registries, values)
    if "Variation seed" in pairs and values["variation_strength"]:
        pairs["Variation seed"] += index
    if "Seed" in pairs:
        pairs["Seed"] = seed
    if checkpoint is not None:
        pairs |= {"Model": checkpoint["name"], "Model hash": str(checkpoint["sha256"])[:10]}
    pairs.pop("VAE", None)
    if vae is not None:
        pairs |= {"VAE": vae["name"], "VAE hash": str(vae["sha256"])[:10]}
    pairs |= _other_models(request, models or {})
    pairs |= _restorers(request, registries, models or {})
    pairs |= _sizes(type(request), values)
    if values.get("batch_size", 1) > 1:
        pairs |= {"Batch size": values["batch_size"], "Batch pos": index}
    if hashes := _adapter_hashes(known_adapters):
        pairs["Lora hashes"] = hashes
    pairs["Version"] = f"sdtoolbox {__version__}"
    ordered = [key for key in ORDER if key in pairs] + [key for key in pairs if key not in ORDER]
    lines = [" ".join(part for part in (values.get("prompt"), _tags(request, known_adapters)) if part)]
    if values.get("negative_prompt"):
        lines.append(NEGATIVE + values["negative_prompt"])
    lines.append(", ".join(f"{key}: {_quoted(pairs[key])}" for key in ordered))
    return "\n".join(lines)


def _written(
    control: Control, value: Any, registries: Mapping[str, Registry[Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The pairs of one field: none where the key's absence says the same; labels in place of ids."""
    if control.of and not values.get(control.of):
        return {}
    if control.kind == "options":
        return _written_options(control, value or {}, registries, values)
    if control.kind == "steers":
        return _written_steers(control, value, registries)
    if not control.parameters_key or value in (None, "", control.absent, (), [], {}):
        return {}
    known = registries.get(control.choices)
    if known is not None and value in known:
        value = known.get(value).label
    elif isinstance(value, str):
        value = (dict(control.options) | dict(control.spelled)).get(value, value)
    return {control.parameters_key: value}


def _sizes(request: type[Request], values: Mapping[str, Any]) -> dict[str, str]:
    """Two fields in one pair: "512x768"."""
    pairs = {}
    for key, (width, height) in SIZES.items():
        switch = control_of(request, width).of if width in values else ""
        if (values.get(width) or values.get(height)) and (not switch or values[switch]):
            pairs[key] = f"{values[width] or 0}x{values[height] or 0}"
    return pairs


def _written_options(
    control: Control, options: Mapping[str, Any], registries: Mapping[str, Registry[Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Options by the keys that A1111 has for them, the others together in one."""
    known = options_known(control, registries, values)
    keys = {name: one.parameters_key for name, one in known.items() if one.parameters_key}
    pairs = {keys[name]: value for name, value in options.items() if name in keys}
    rest = {name: value for name, value in options.items() if name not in keys}
    return pairs | ({control.parameters_key or control.label: written_options(rest)} if rest else {})


def _written_steers(
    control: Control, steers: Sequence[Mapping[str, Any]], registries: Mapping[str, Registry[Any]]
) -> dict[str, str]:
    """Steers in their short forms, by their labels: "Dynamic thresholding: percentile=0.99; My steer"."""
    known, written = registries[control.choices], []
    for one in map(ChosenSteer.model_validate, steers):
        label = known.get(one.steer).label if one.steer in known else one.steer
        called = one.steer if any(mark in label for mark in ":;\n") else label
        written.append(one.model_copy(update={"steer": called}).short())
    return {control.parameters_key: "; ".join(written)} if written else {}


def options_known(
    control: Control, registries: Mapping[str, Registry[Any]], values: Mapping[str, Any]
) -> Mapping[str, Option]:
    """The options of the sampler or schedule that a request's values choose, by name."""
    registry = registries.get(control.choices)
    chosen = values.get(control.choices.removesuffix("s"))
    if registry is None or not isinstance(chosen, str) or chosen not in registry:
        return {}
    options: Mapping[str, Option] = registry.get(chosen).value.options
    return options


def _other_models(request: Request, models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The checkpoints of second passes: "name [6ce0161689]"."""
    pairs = {}
    for name in type(request).model_fields:
        control = control_of(type(request), name)
        one = models.get(str(getattr(request, name)))
        own = control.parameters_key in ("", "Model", "VAE") or control.choices == "upscalers"
        if one is not None and not own:
            pairs[control.parameters_key] = f"{one['name']} [{str(one['sha256'])[:10]}]".removesuffix(" []")
    return pairs


def _restorers(
    request: Request, registries: Mapping[str, Registry[Any]], models: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """What a picture was restored with, by names: "non-local means: strength=0.8; sdtoolbox-x4"."""
    pairs = {}
    for name in type(request).model_fields:
        control, value = control_of(type(request), name), getattr(request, name)
        if control.kind == "stages" and value:
            named = (one.model_copy(update={"restorer": _restorer(one.restorer, registries, models)}) for one in value)
            pairs[control.parameters_key] = "; ".join(one.short() for one in named)
        elif value and (control.kind == "restorer" or (control.choices == "upscalers" and value in models)):
            pairs[control.parameters_key] = _restorer(value, registries, models)
    return pairs


def _restorer(identity: str, registries: Mapping[str, Registry[Any]], models: Mapping[str, Mapping[str, Any]]) -> str:
    found = [
        registries[one].get(identity).label for one in ("restorers", "upscalers") if identity in registries.get(one, ())
    ]
    called = found[0] if found else str(models.get(identity, {}).get("name", identity))
    return identity if any(mark in called for mark in ":;\n") else called


def _tags(request: Request, known: Mapping[str, Mapping[str, Any]]) -> str:
    used: tuple[Adapter, ...] = getattr(request, "adapters", ())
    written = []
    for adapter in used:
        name = str(known.get(adapter.adapter, {}).get("name", adapter.adapter))
        if any(mark in name for mark in "<>:;\n"):
            name = adapter.adapter  # no tag can hold it; the id can be found too
        written.append(adapter.model_copy(update={"adapter": name}).tag())
    return " ".join(written)


def _adapter_hashes(known: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']}: {str(one['autov3'])[:12]}" for one in known.values() if one.get("autov3"))


def _quoted(value: Any) -> str:
    text = str(value)
    plain = text == text.strip() and not text.startswith(("[", "{")) and not any(mark in text for mark in ',:\n"')
    return text if plain else json.dumps(text, ensure_ascii=False)
