"""A checkpoint before its weights are read: which networks it has, where each weight lies, whether all are there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub.errors import StrictDataclassError

from sdtoolbox.engine import diffusers_folder
from sdtoolbox.engine.assembling import Blueprint, Misfit
from sdtoolbox.engine.components import ENCODERS
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.memory import is_out_of_memory
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.shapes import Unusual
from sdtoolbox.engine.single_file import SingleFile
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.header import GET_AGAIN
from sdtoolbox.models.roots import VAE_ROOTS

T = TypeVar("T")
logger = logging.getLogger(__name__)
NONSENSE = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ImportError),
    StrictDataclassError,
)
"""What the libraries raise over configurations that make no sense."""


@dataclass(slots=True)
class Plan:
    """A checkpoint whose files are known to hold all that it needs; no weight has been read yet."""

    entry: CatalogEntry
    family: Family
    parts: dict[str, Blueprint]
    tokenizers: dict[str, Any]
    scheduler: Mapping[str, Any]
    zero_empty_negative: bool


def plan_folder(entry: CatalogEntry, family: Family, opened: ExitStack, *, own_vae: bool) -> Plan:
    """Of a diffusers folder; without `own_vae` its VAE is passed over. Errors as `loading.load`."""
    folder = entry.path
    wanted = [part for part in family.parts if own_vae or part != "vae"]
    parts = {
        part: in_words(folder, part, partial(diffusers_folder.part_of, folder, part, part, opened)) for part in wanted
    }
    tokenizers = {
        part: in_words(
            folder,
            part.replace("text_encoder", "tokenizer"),
            partial(diffusers_folder.tokenizer_of, folder, part),
        )
        for part in wanted
        if part in ENCODERS
    }
    scheduler = in_words(folder, "scheduler", partial(diffusers_folder.scheduler_of, folder, family))
    if entry.prediction:
        scheduler = {"prediction_type": entry.prediction, **scheduler}
    index = in_words(folder, "model_index.json", partial(diffusers_folder.index_of, folder))
    zeros = bool(index.get("force_zeros_for_empty_prompt", family.zero_empty_negative))
    return Plan(entry, family, parts, tokenizers, scheduler, zeros)


def plan_single_file(entry: CatalogEntry, family: Family, opened: ExitStack, *, own_vae: bool) -> Plan:
    """Of a single file in the original layout; MODEL_TYPE names the parts that are not inside."""
    path = entry.path
    files = opened.enter_context(TensorFiles([path]))
    file = in_words(path, "configuration", lambda: SingleFile.of(files, family))
    wanted = [part for part in family.parts if own_vae or part != "vae"]
    if absent := [part for part in wanted if part not in file.roots]:
        raise _absent(entry, absent)
    parts = {part: in_words(path, part, partial(file.part, part, file.roots[part])) for part in wanted}
    tokenizers = {
        part: in_words(
            path,
            part.replace("text_encoder", "tokenizer"),
            partial(file.tokenizer, part, parts[part].network.config.vocab_size),
        )
        for part in wanted
        if part in ENCODERS
    }
    scheduler = in_words(path, "scheduler", lambda: file.scheduler(entry.prediction))
    used = {source.name for part in parts.values() for source in part.sources.values()}
    if extras := file.extras(used, () if own_vae else VAE_ROOTS):
        logger.warning("%s: %d tensors are not used, %s for one", path.name, len(extras), extras[0])
    return Plan(entry, family, parts, tokenizers, scheduler, family.zero_empty_negative)


def plan_vae(entry: CatalogEntry, family: Family, opened: ExitStack) -> Blueprint:
    """Of a VAE alone: its folder, that of a checkpoint, or a file in either naming."""
    path = entry.path
    if entry.layout == "diffusers":
        place = "vae" if (path / "vae").is_dir() else "."
        return in_words(path, "vae", lambda: diffusers_folder.part_of(path, "vae", place, opened))
    files = opened.enter_context(TensorFiles([path]))
    file = in_words(path, "configuration", lambda: SingleFile.of(files, family))
    return in_words(path, "vae", lambda: file.part("vae", file.roots.get("vae", "")))


def _absent(entry: CatalogEntry, parts: list[str]) -> UserError:
    names = " and ".join("VAE" if part == "vae" else part.replace("_", " ") for part in parts)
    hint = "Choose a VAE beside it." if parts == ["vae"] else "Choose the complete checkpoint."
    return UserError("MODEL_TYPE", f"{entry.name} has no {names} inside.", hint, "checkpoint")


def check(plan: Plan, vae: CatalogEntry) -> None:
    """The network and the autoencoder must speak of the same latents, in a form that can draw."""
    unet, latents = plan.parts["unet"].network.config, plan.parts["vae"].network.config.latent_channels
    takes, gives = unet.in_channels, unet.out_channels - plan.family.spare
    if gives != latents:
        raise UserError(
            "MODEL_TYPE",
            f"the VAE of {vae.name} has {latents} channels, the network of {plan.entry.name} {gives}.",
            "Choose a VAE that was made for this family of models.",
            "vae",
        )
    said = f"the network of {plan.entry.name} takes {takes} channels."
    if plan.family.beside is not None:
        if takes != latents + plan.family.beside:
            raise UserError("MODEL_TYPE", said, f"It needs {latents + plan.family.beside}.", "checkpoint")
    elif takes not in (latents, 2 * latents, 2 * latents + 1):
        hint = f"It needs {latents}, {2 * latents + 1} for inpainting, or {2 * latents} for editing by instruction."
        raise UserError("MODEL_TYPE", said, hint, "checkpoint")


def in_words(path: Path, part: str, work: Callable[[], T]) -> T:
    """The result of `work`; MODEL_CORRUPT that names the part if it is a mess."""
    try:
        return work()
    except (Misfit, Unusual) as error:
        reason = str(error)
    except NONSENSE as error:
        if is_out_of_memory(error):
            raise
        logger.warning("loading %s of %s", part, path, exc_info=True)
        reason = f"its files do not fit together ({type(error).__name__})"
    raise UserError("MODEL_CORRUPT", f"{part} of {path.name} cannot be loaded: {reason}.", GET_AGAIN)
