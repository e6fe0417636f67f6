"""The layout of diffusers: a folder for each part, with a configuration and one or several weight files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from sdtoolbox.engine.assembling import Blueprint, Misfit, blueprint
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.original_names import diffusers_names
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.models.small_files import read_config
from sdtoolbox.models.weights import required_files


def part_of(folder: Path, part: str, place: str, opened: ExitStack) -> Blueprint:
    """The blueprint of the `part` in folder / place; its files are closed with `opened`."""
    files = opened.enter_context(TensorFiles(required_files(folder, place)))
    return blueprint(part, read_config(folder / place / "config.json"), files, diffusers_names())


def tokenizer_of(folder: Path, encoder: str) -> Any:
    """The tokenizer of a text encoder: tokenizer_2 for text_encoder_2; the library's own errors."""
    place = encoder.replace("text_encoder", "tokenizer")
    for file in (folder / place).iterdir():  # the library opens what has the right name: a pipe would hold it for ever
        if not (file.is_file() or file.is_dir()):
            raise Misfit(f"{file.name} is not a file")
    return CLIPTokenizer.from_pretrained(folder / place, local_files_only=True)


def scheduler_of(folder: Path, family: Family) -> Mapping[str, Any]:
    """The scheduler's configuration, or the family's where there is none."""
    file = folder / "scheduler" / "scheduler_config.json"
    return read_config(file) if file.is_file() else family.config()["scheduler"]


def low_res_scheduler_of(folder: Path, family: Family) -> Mapping[str, Any]:
    """Which noise an upscaler's small picture is given, or the family's; empty for families that give none."""
    file = folder / "low_res_scheduler" / "scheduler_config.json"
    return read_config(file) if file.is_file() else family.config().get("low_res_scheduler", {})


def index_of(folder: Path) -> Mapping[str, Any]:
    """What `model_index.json` says of the checkpoint as a whole."""
    file = folder / "model_index.json"
    return read_config(file) if file.is_file() else {}
