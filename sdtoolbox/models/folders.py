"""Folders in the layout of diffusers: a pipeline (model_index.json beside a folder a part) or one part by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sdtoolbox.errors import UserError
from sdtoolbox.models import diffusion_upscalers, weights
from sdtoolbox.models.entries import Kind
from sdtoolbox.models.header import Header, TensorInfo, read_header
from sdtoolbox.models.recognition import Names, Recognition, spoken, unsupported
from sdtoolbox.models.small_files import read_config
from sdtoolbox.models.unets import NEEDED, PART_WORDS, VARIANT_REASONS, VARIANTS

Recognise = Callable[[Header], Recognition]

# Pipelines by the beginning of their class's name, the longest first.
PIPELINES: Final[tuple[tuple[str, str], ...]] = (
    ("StableDiffusionXL", "sdxl"),
    ("StableDiffusion3", "sd3"),
    ("StableDiffusion", "sd1"),  # or sd2: the network tells
    ("Flux2", "flux2"),
    ("Flux", "flux1"),
    ("Chroma", "chroma"),
    ("QwenImage", "qwen_image"),
    ("ZImage", "z_image"),
    ("Sana", "sana"),
    ("PixArt", "pixart"),
    ("AuraFlow", "auraflow"),
    ("Lumina2", "lumina2"),
)


def look_into(folder: Path, recognise: Recognise) -> Recognition:
    """What `folder` is; broken, with the reason, where its files cannot be read."""
    try:
        if (folder / "model_index.json").is_file():
            return _pipeline(folder, recognise)
        return _part(folder, recognise)
    except UserError as error:
        reason = error.message.rstrip(".")
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        reason = f"its configuration cannot be read ({type(error).__name__})"
    kind: Kind = "checkpoint" if (folder / "model_index.json").exists() else "unknown"
    return Recognition(kind=kind, base="unknown", state="broken", reason=reason)


def _pipeline(folder: Path, recognise: Recognise) -> Recognition:
    index = read_config(folder / "model_index.json")
    pipeline = str(index.get("_class_name"))
    base = next((base for start, base in PIPELINES if pipeline.startswith(start)), "unknown")
    inside = tuple(part for part in weights.PARTS if (folder / part).is_dir())
    found = Recognition(kind="checkpoint", base=base, parts=inside, state="ready")
    if base not in NEEDED:
        return unsupported(found, f"pipelines of type {pipeline[:60]} are not supported yet")
    headers = {part: header for part in inside if (header := _weights(folder / part)) is not None}
    found = replace(found, prediction=_prediction(folder), precision=_precision(headers.values()))
    told = recognise(headers["unet"]) if "unet" in headers else None
    upscales = told.variant if told is not None else diffusion_upscalers.PIPELINES.get(pipeline, "")
    if upscales in diffusion_upscalers.SCALES:
        return diffusion_upscalers.as_upscaler(_complete(found, folder, index, headers.keys()), upscales)
    if "unet" in inside:
        found = _network(found, folder / "unet", told)
    if found.state != "ready":
        return found
    return _complete(found, folder, index, headers.keys())


def _complete(found: Recognition, folder: Path, index: Mapping[str, Any], stored: Set[str]) -> Recognition:
    """Ready, or what is missing; `stored` are the parts that have weights in safetensors."""
    lacking = [PART_WORDS[part] for part in NEEDED[found.base] if part not in found.parts]
    tokenizers = [name for name in ("tokenizer", "tokenizer_2") if isinstance(index.get(name), list)]
    lacking += [f"the folder {name}" for name in tokenizers if index[name][0] and not (folder / name).is_dir()]
    if lacking:
        return replace(found, state="incomplete", reason=f"it lacks {spoken(lacking)}")
    empty = [part for part in NEEDED[found.base] if part not in stored]
    if any(_is_pickled(folder / part) for part in empty):
        reason = f"{spoken([part for part in empty if _is_pickled(folder / part)])} is stored as a pickle"
        return replace(found, state="needs_conversion", reason=f"{reason}, which could run programs")
    if empty:
        return replace(found, state="incomplete", reason=f"it lacks the weights of {spoken(empty)}")
    return found


def _network(found: Recognition, folder: Path, told: Recognition | None) -> Recognition:
    """With base and variant as the network's weights tell them, or its configuration where there are none."""
    channels = read_config(folder / "config.json").get("in_channels", 4)
    if not isinstance(channels, int) or channels not in VARIANTS:
        return unsupported(found, f"its network takes {channels} channels, which is no variant known here")
    if told is not None and told.base in NEEDED:
        found = replace(found, base=told.base)
    elif told is not None:
        return replace(found, state=told.state, reason=told.reason)
    found = replace(found, variant=VARIANTS[channels])
    if found.variant in VARIANT_REASONS:
        return unsupported(found, VARIANT_REASONS[found.variant])
    return unsupported(found, told.reason) if told is not None and told.state == "unsupported" else found


def _prediction(folder: Path) -> str:
    path = folder / "scheduler" / "scheduler_config.json"
    said = read_config(path).get("prediction_type", "epsilon") if path.is_file() else ""
    return said if said in ("epsilon", "v_prediction", "sample") else ""


def _weights(folder: Path) -> Header | None:
    """The headers of a part's files as one; None if it has none. Errors as `read_header`."""
    tensors: dict[str, TensorInfo] = {}
    metadata: dict[str, str] = {}
    files = weights.weight_files(folder)
    for file in files:
        header = read_header(file)
        tensors |= header.tensors
        metadata |= header.metadata
    return Header(tensors, metadata, 0, 0) if files else None


def _is_pickled(folder: Path) -> bool:
    return any(folder.glob("*.bin"))


def _precision(headers: Iterable[Header]) -> str:
    tensors = {f"{n}.{name}": info for n, header in enumerate(headers) for name, info in header.tensors.items()}
    return Names(tensors, {}).precision()


def _part(folder: Path, recognise: Recognise) -> Recognition:
    """One part: its weights tell what it is, whatever its configuration calls it."""
    config = read_config(folder / "config.json") if (folder / "config.json").is_file() else {}
    header = _weights(folder)
    if header is not None:
        return recognise(header)
    what = str(config.get("_class_name") or config.get("model_type") or "unknown")[:60]
    if _is_pickled(folder):
        reason = f"its weights ({what}) are stored as a pickle, which could run programs"
        return Recognition(kind="unknown", base="unknown", state="needs_conversion", reason=reason)
    return Recognition(kind="unknown", base="unknown", state="broken", reason=f"it has a configuration ({what}) only")
