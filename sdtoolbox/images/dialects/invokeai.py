"""InvokeAI: `invokeai_metadata` since 3.0, `sd-metadata` before, and the command line in `Dream` before that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sdtoolbox.images.dialects.names import sampler_and_schedule
from sdtoolbox.images.dialects.said import Said, json_object, object_in, pairs_of, size_of, written

LONGEST_COMMAND = 100_000
NEGATIVE = re.compile(r"\[([^\[\]]*)\]")
DREAM = {"-s": "Steps", "-S": "Seed", "-C": "CFG scale", "-A": "Sampler", "-W": "Width", "-H": "Height"}
TAKEN = (
    *("positive_prompt", "negative_prompt", "width", "height", "seed", "cfg_scale", "steps", "scheduler", "model"),
    *("loras", "vae", "clip_skip", "app_version", "strength", "cfg_rescale_multiplier"),
)
TAKEN_2 = ("prompt", "steps", "cfg_scale", "height", "width", "seed", "sampler", "strength", "type")


def read(texts: Mapping[str, str]) -> Said | None:
    """What a picture of InvokeAI says; None for others'."""
    if values := json_object(texts.get("invokeai_metadata")):
        return _new(values)
    if values := json_object(texts.get("sd-metadata")):
        return _old(values)
    return _oldest(texts["Dream"]) if texts.get("Dream") else None


def _new(values: Mapping[str, Any]) -> Said:
    model, vae = object_in(values.get("model")), object_in(values.get("vae"))
    tags = [_tag(one) for one in _list(values.get("loras"))]
    pairs = pairs_of(
        {
            "Steps": values.get("steps"),
            **sampler_and_schedule(values.get("scheduler")),
            "CFG scale": values.get("cfg_scale"),
            "Seed": values.get("seed"),
            "Size": size_of(values.get("width"), values.get("height")),
            "Model hash": _sha256(model.get("hash")),
            "Model": _name(model),
            "VAE": _name(vae),
            "Denoising strength": values.get("strength"),
            # InvokeAI counts the layers that are left out, A1111 the layer that is taken.
            "Clip skip": _one_more(values.get("clip_skip")),
            "CFG rescale": values.get("cfg_rescale_multiplier") or None,
            "Version": values.get("app_version"),
        }
        | {key: value for key, value in values.items() if key not in TAKEN}
    )
    prompt = " ".join(part for part in (str(values.get("positive_prompt") or ""), *tags) if part)
    return Said("InvokeAI", prompt, str(values.get("negative_prompt") or ""), pairs)


def _tag(lora: Any) -> str:
    row = object_in(lora)
    name = _name(object_in(row.get("model") or row.get("lora")))
    return f"<lora:{name}:{written(row.get('weight', 1))}>" if name else ""


def _name(model: Mapping[str, Any]) -> str | None:
    name = model.get("name") or model.get("model_name")
    return str(name) if name else None


def _sha256(value: Any) -> str | None:
    return value.removeprefix("sha256:") if isinstance(value, str) and value.startswith("sha256:") else None


def _one_more(value: Any) -> int | None:
    return value + 1 if isinstance(value, int) and value > 0 else None


def _old(values: Mapping[str, Any]) -> Said:
    image = object_in(values.get("image"))
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        prompt = " ".join(str(object_in(one).get("prompt", "")) for one in prompt[:100])
    words, negative = _take_negative(str(prompt or ""))
    pairs = pairs_of(
        {
            "Steps": image.get("steps"),
            **sampler_and_schedule(image.get("sampler")),
            "CFG scale": image.get("cfg_scale"),
            "Seed": image.get("seed"),
            "Size": size_of(image.get("width"), image.get("height")),
            "Model hash": values.get("model_hash"),
            "Model": values.get("model_weights"),
            "Denoising strength": image.get("strength"),
            "Version": values.get("app_version"),
        }
        | {key: value for key, value in image.items() if key not in TAKEN_2}
    )
    return Said("InvokeAI", words, negative, pairs)


def _oldest(command: str) -> Said | None:
    try:
        words = shlex.split(command[:LONGEST_COMMAND])
    except ValueError:  # a quote that never ends
        return None
    prompt, rest = (words[0], words[1:]) if words else ("", [])
    found = {DREAM[flag]: value for flag, value in pairwise(rest) if flag in DREAM}
    # Short flags may be written together with their value: -s50.
    found |= {DREAM[word[:2]]: word[2:] for word in rest if word[:2] in DREAM and re.fullmatch(r"[\w.]+", word[2:])}
    width, height = found.pop("Width", ""), found.pop("Height", "")
    pairs = found | sampler_and_schedule(found.get("Sampler"))
    if width.isdecimal() and height.isdecimal():
        pairs["Size"] = f"{width}x{height}"
    text, negative = _take_negative(prompt)
    return Said("InvokeAI", text, negative, pairs)


def _take_negative(prompt: str) -> tuple[str, str]:
    """What stands in [brackets] was the negative prompt until 3.0."""
    negative = ", ".join(part.strip() for part in NEGATIVE.findall(prompt))
    return NEGATIVE.sub("", prompt).strip(), negative


def _list(value: Any) -> list[Any]:
    return value[:100] if isinstance(value, list) else []
