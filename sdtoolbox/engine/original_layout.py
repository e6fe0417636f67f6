"""Writes a checkpoint in the layout of diffusers as a single file in the original layout, as other programs share it.

    python -m sdtoolbox.engine.original_layout FOLDER OUT.safetensors

Weights keep their type and their bits. The configurations go into the file's header, so that `single_file` makes the
very same networks of it, whatever their size; other programs ignore them.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch

from sdtoolbox.engine import diffusers_folder, vocabulary
from sdtoolbox.engine.assembling import Blueprint
from sdtoolbox.engine.components import ENCODERS
from sdtoolbox.engine.families import Family, family_of
from sdtoolbox.engine.original_names import Find, clip_names, open_clip_names, unet_names, vae_names
from sdtoolbox.engine.reading import DTYPES, Source
from sdtoolbox.engine.single_file import CONFIG
from sdtoolbox.models.architectures import recognise_folder
from sdtoolbox.models.small_files import read_config

BLOCK = re.compile(r"\.resblocks\.(\d+)\.")
ALIGNMENT = 8
ARCHITECTURES: Mapping[str, str] = {
    "sd1": "stable-diffusion-v1",
    "sd2": "stable-diffusion-v2",
    "sdxl": "stable-diffusion-xl-v1-base",
    "sdxl_refiner": "stable-diffusion-xl-v1-refiner",
    "sd_upscaler": "stable-diffusion-x4-upscaler",
}
LEFT_OUT = ("_name_or_path", "_diffusers_version", "transformers_version", "dtype", "torch_dtype")


@dataclass(slots=True)
class Stored:
    """One tensor of the file to be: one weight, or the thirds of it in order; no part at all is zeros."""

    part: Blueprint
    dtype: str
    shape: tuple[int, ...]
    weights: dict[int, tuple[Source, bool]] = field(default_factory=dict)  # by third: where from, whether transposed

    @property
    def bytes(self) -> int:
        """Its length in the file."""
        return math.prod(self.shape) * DTYPES[self.dtype].itemsize

    def write(self, out: BinaryIO) -> None:
        """Append its numbers."""
        if not self.weights:
            out.write(bytes(self.bytes))
        for _, (source, transposed) in sorted(self.weights.items()):
            weight = self.part.files.read(source, DTYPES[self.dtype])
            weight = weight.t().contiguous() if transposed else weight
            out.write(weight.reshape(-1).view(torch.uint8).numpy().data)


def write_original(folder: Path, out: Path, base: str) -> None:
    """Write the diffusers folder of a checkpoint of this `base` to `out`; the errors of `loading.load`.

    Of an upscaler the variant of its entry is the base.
    """
    family = family_of(base)
    with ExitStack() as opened:
        parts = {part: diffusers_folder.part_of(folder, part, part, opened) for part in family.parts}
        tensors: dict[str, Stored] = {}
        for part in parts.values():
            tensors |= dict(_tensors(part, family))
        configs = _configs(folder, family, parts)
        metadata = {CONFIG: json.dumps(configs, sort_keys=True), **_model_spec(family, configs)}
        with out.open("wb") as file:
            file.write(_header(tensors, metadata))
            for stored in tensors.values():
                stored.write(file)


def _header(tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, stored in tensors.items():
        start, end = end, end + stored.bytes
        header[name] = {"dtype": stored.dtype, "shape": list(stored.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _tensors(part: Blueprint, family: Family) -> Iterator[tuple[str, Stored]]:
    find = _names(part, family)
    found: dict[str, Stored] = {}
    for name, source in part.sources.items():
        target = find(name)[0]
        info = part.files.info(source.name)
        shape = info.shape[::-1] if target.transposed else info.shape
        if part.part == "vae" and ".attn_" in target.name and len(shape) == 2:
            shape = (*shape, 1, 1)  # the original autoencoder attends by convolutions of one pixel
        if target.third is not None:
            shape = (3 * shape[0], *shape[1:])
        stored = found.setdefault(target.name, Stored(part, info.dtype, shape))
        stored.weights[target.third or 0] = source, target.transposed
    yield from found.items()
    if part.part in family.open_clip:
        yield from _unused_layers(found, family.cut)


def _unused_layers(found: Mapping[str, Stored], count: int) -> Iterator[tuple[str, Stored]]:
    """Layers that diffusers' folders leave out, since nothing reads what they say; other programs look for them."""
    last = max(int(match[1]) for name in found if (match := BLOCK.search(name)))
    for extra in range(1, count + 1):
        for name, stored in found.items():
            if f".resblocks.{last}." in name:
                other = name.replace(f".resblocks.{last}.", f".resblocks.{last + extra}.")
                yield other, Stored(stored.part, stored.dtype, stored.shape)


def _names(part: Blueprint, family: Family) -> Find:
    config: Any = part.network.config
    root = family.roots[part.part]
    if part.part == "unet":
        return unet_names(config, root)
    if part.part == "vae":
        return vae_names(config, root)
    return (open_clip_names if part.part in family.open_clip else clip_names)(root)


def _configs(folder: Path, family: Family, parts: Mapping[str, Blueprint]) -> dict[str, Any]:
    """What `single_file.SingleFile` looks for."""
    configs = {part: _cleaned(read_config(folder / part / "config.json")) for part in parts}
    configs["scheduler"] = _cleaned(diffusers_folder.scheduler_of(folder, family))
    if low_res := diffusers_folder.low_res_scheduler_of(folder, family):
        configs["low_res_scheduler"] = _cleaned(low_res)
    for part in parts:
        if part in ENCODERS:
            place = part.replace("text_encoder", "tokenizer")
            configs[place] = _tokenizer(diffusers_folder.tokenizer_of(folder, part))
    if (folder / "sdtoolbox.json").is_file():
        configs["checkpoint"] = dict(read_config(folder / "sdtoolbox.json"))
    return {name: config for name, config in configs.items() if config}


def _model_spec(family: Family, configs: Mapping[str, Any]) -> dict[str, str]:
    """What other programs show of a file; the keys are those of Stability AI's model specification."""
    prediction = str(configs["scheduler"].get("prediction_type", "epsilon"))
    said = {"title": "name", "description": "description"}
    own = configs.get("checkpoint", {})
    return {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": ARCHITECTURES[family.base],
        "modelspec.prediction_type": "v" if prediction == "v_prediction" else prediction,
        **{f"modelspec.{key}": str(own[field]) for key, field in said.items() if own.get(field)},
    }


def _cleaned(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in LEFT_OUT}


def _tokenizer(tokenizer: Any) -> dict[str, Any]:
    """Its words and merges; nothing where they are CLIP's, which is a megabyte that everybody has."""
    words = tokenizer.get_vocab()
    if words == vocabulary.clip_vocabulary()[0]:
        return {}
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    return {"vocabulary": words, "merges": merges, "pad": tokenizer.pad_token}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Write a diffusers folder as one file in the original layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    found = recognise_folder(arguments.folder)
    write_original(arguments.folder, arguments.out, found.variant if found.kind == "restorer" else found.base)


if __name__ == "__main__":
    main()
