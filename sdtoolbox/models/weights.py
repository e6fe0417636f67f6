"""The weight files of a diffusers folder, those of one stored precision a part; nothing is opened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sdtoolbox.errors import UserError
from sdtoolbox.models.header import GET_AGAIN

PARTS: Final = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
"""The folders of a pipeline that hold the weights by which it is known."""

_SHARD = r"(-\d+-of-\d+)?"
_NAME = re.compile(rf"(diffusion_pytorch_)?model{_SHARD}(\.(?P<variant>\w+))?{_SHARD}\.safetensors")


def weight_files(part: Path) -> list[Path]:
    """The safetensors files of one part's folder, sorted: the plain precision, else fp16, else whichever it has."""
    by_variant: dict[str, list[Path]] = {}
    for file in sorted(part.glob("*.safetensors")):
        if (match := _NAME.fullmatch(file.name)) and file.is_file():
            by_variant.setdefault(match["variant"] or "", []).append(file)
    return next((by_variant[variant] for variant in ("", "fp16", *by_variant) if variant in by_variant), [])


def required_files(folder: Path, part: str) -> list[Path]:
    """The weight files of a part that must be there, "." for the folder itself; MODEL_UNSAFE for a pickle in their
    place, MODEL_MISSING for nothing."""
    if files := weight_files(folder / part):
        return files
    name = folder.name if part == "." else f"{part} of {folder.name}"
    if any((folder / part).glob("*.bin")):
        said = f"{name} is stored as a pickle, which can run programs."
        raise UserError("MODEL_UNSAFE", said, "Convert it to safetensors.", "checkpoint")
    raise UserError("MODEL_MISSING", f"{name} has no .safetensors file.", GET_AGAIN, "checkpoint")


def all_files(folder: Path) -> list[Path]:
    """The weight files of all parts that a pipeline has, or of one part by itself; MODEL_MISSING if there is none."""
    files = sorted(file for part in PARTS for file in weight_files(folder / part)) or weight_files(folder)
    if not files:
        raise UserError("MODEL_MISSING", f"{folder.name} has no .safetensors file.", GET_AGAIN)
    return files
