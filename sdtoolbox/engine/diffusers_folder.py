"""The layout of diffusers: a folder for each part, with a configuration and one or several weight files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from sdtoolbox.engine.assembling import Blueprint, blueprint
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.original_names import diffusers_names
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.models import weights


def part_of(folder: Path, part: str, place: str, opened: ExitStack) -> Blueprint:
    """The blueprint of the `part` in folder / place; its files are closed with `opened`."""
    files = opened.enter_context(TensorFiles(weight_files(folder, place)))
    return blueprint(part, read_config(folder / place / "config.json"), files, diffusers_names())


def weight_files(folder: Path, place: str) -> list[Path]:
    """The files of a part's weights, several if it is stored in shards; errors as `models.weights.variant`."""
    wanted = weights.variant(folder, place)
    found = [(file, weights.NAME.fullmatch(file.name)) for file in sorted((folder / place).glob("*.safetensors"))]
    return [file for file, match in found if match and match["variant"] == wanted and file.is_file()]


def read_config(file: Path) -> Mapping[str, Any]:
    """The content of a configuration file; OSError, ValueError."""
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is not a map")
    return content


def tokenizer_of(folder: Path, encoder: str) -> Any:
    """The tokenizer of a text encoder: tokenizer_2 for text_encoder_2; the library's own errors."""
    place = encoder.replace("text_encoder", "tokenizer")
    return CLIPTokenizer.from_pretrained(folder / place, local_files_only=True)


def scheduler_of(folder: Path, family: Family) -> Mapping[str, Any]:
    """The scheduler's configuration, or the family's where there is none."""
    file = folder / "scheduler" / "scheduler_config.json"
    return read_config(file) if file.is_file() else family.config()["scheduler"]


def index_of(folder: Path) -> Mapping[str, Any]:
    """What `model_index.json` says of the checkpoint as a whole."""
    file = folder / "model_index.json"
    return read_config(file) if file.is_file() else {}
