"""Fooocus: a JSON in `parameters` where `fooocus_scheme` says so, else a text as A1111 writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdtoolbox.images.dialects import a1111
from sdtoolbox.images.dialects.names import sampler_and_schedule
from sdtoolbox.images.dialects.said import Said, json_object, pairs_of, written

OWN_VAE = "Default (model)"
TAKEN = (
    *("prompt", "negative_prompt", "steps", "guidance_scale", "seed", "resolution", "base_model", "base_model_hash"),
    *("sampler", "scheduler", "vae", "clip_skip", "loras", "version", "metadata_scheme"),
    *("refiner_model", "refiner_switch"),
)


def read(texts: Mapping[str, str]) -> Said | None:
    """What a picture of Fooocus says; None for others'."""
    scheme = texts.get("fooocus_scheme", "")
    if scheme == "a1111":
        said = a1111.read(texts)
        return None if said is None else Said("Fooocus", said.prompt, said.negative, _labels(said.pairs))
    values = json_object(texts.get("parameters") or texts.get("Comment"))
    if scheme != "fooocus" and values.get("metadata_scheme") != "fooocus" and "base_model" not in values:
        return None
    return _from_json(values) if values else None


def _labels(pairs: Mapping[str, str]) -> dict[str, str]:
    renamed = {"Scheduler": "Schedule type"}
    named = {renamed.get(key, key): value for key, value in pairs.items()}
    return named | sampler_and_schedule(named.get("Sampler"), named.get("Schedule type"))


def _from_json(values: Mapping[str, Any]) -> Said:
    size = re.findall(r"\d{1,6}", str(values.get("resolution", "")))[:2]
    refiner = values.get("refiner_model")
    vae = values.get("vae")
    pairs = pairs_of(
        {
            "Steps": values.get("steps"),
            **sampler_and_schedule(values.get("sampler"), values.get("scheduler")),
            "CFG scale": values.get("guidance_scale"),
            "Seed": values.get("seed"),
            "Size": "x".join(size) if len(size) == 2 else None,
            "Model hash": values.get("base_model_hash"),
            "Model": values.get("base_model"),
            "VAE": None if vae == OWN_VAE else vae,
            "Clip skip": values.get("clip_skip"),
            "Refiner": None if refiner in (None, "None") else refiner,
            "Refiner switch at": None if refiner in (None, "None") else values.get("refiner_switch"),
            "Version": values.get("version"),
        }
    )
    tags, hashes = _loras(values.get("loras"))
    if hashes:
        pairs["Lora hashes"] = hashes
    pairs |= pairs_of({key: value for key, value in values.items() if key not in TAKEN})
    prompt = " ".join(part for part in (str(values.get("prompt", "")), tags) if part)
    return Said("Fooocus", prompt, str(values.get("negative_prompt", "")), pairs)


def _loras(loras: Any) -> tuple[str, str]:
    """The adapters as tags and as a list of hashes."""
    rows = [row for row in loras if isinstance(row, list) and len(row) >= 2] if isinstance(loras, list) else []
    names = [str(row[0]).rsplit(".safetensors", 1)[0] for row in rows]
    tags = [f"<lora:{name}:{written(row[1])}>" for name, row in zip(names, rows, strict=True)]
    hashes = [f"{name}: {row[2]}" for name, row in zip(names, rows, strict=True) if len(row) > 2 and row[2]]
    return " ".join(tags), ", ".join(hashes)
