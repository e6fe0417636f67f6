"""From files to networks in memory: offline, safetensors only, complete or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.utils import logging as diffusers_logging
from huggingface_hub.errors import StrictDataclassError
from transformers.utils import logging as transformers_logging

from sdtoolbox.engine import diffusers_folder
from sdtoolbox.engine.assembling import Blueprint, Misfit
from sdtoolbox.engine.components import ENCODERS, Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.families import ANY_VAE, FAMILIES, Family, family_of
from sdtoolbox.engine.memory import is_out_of_memory
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.prediction import ask_prediction
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.shapes import Unusual
from sdtoolbox.engine.single_file import BARE, SingleFile
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.weights import GET_AGAIN

T = TypeVar("T")
logger = logging.getLogger(__name__)
NONSENSE = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, StrictDataclassError)
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


def load(
    entry: CatalogEntry, device: Device, vae: CatalogEntry | None = None, policy: Policy | None = None
) -> Components:
    """Load every part of a checkpoint, of any known family, from a diffusers folder or a single file.

    `vae` is loaded in place of the checkpoint's own, which may then be missing. Without a `policy` small checkpoints
    are cast to float32 and large ones to the device's faster type; text encoders are float32 always. What a policy
    offloads is left on the CPU. UserError MODEL_MISSING, MODEL_UNSAFE, MODEL_CORRUPT name the file at fault,
    MODEL_TYPE what is not known or not inside.
    """
    family = family_of(entry.base)
    with _quiet(), ExitStack() as opened:
        if entry.layout == "diffusers":
            plan = _plan_folder(entry, family, opened, own_vae=vae is None)
        else:
            plan = _plan_single_file(entry, family, opened, own_vae=vae is None)
        if vae is not None:
            plan.parts["vae"] = _plan_vae(vae, family, opened)
        _check(plan, vae or entry)
        held = policy or _usual_policy(device, sum(part.parameters for part in plan.parts.values()))
        return _filled(plan, held, device)


def load_vae(entry: CatalogEntry, device: Device, policy: Policy) -> Any:
    """A VAE alone: a diffusers folder, or a file in the original naming or that of diffusers; errors as `load`."""
    family = FAMILIES.get(entry.base, ANY_VAE)
    with _quiet(), ExitStack() as opened:
        plan = _plan_vae(entry, family, opened)
        return _fill(plan, family, policy, device, entry.path)


def _usual_policy(device: Device, parameters: int) -> Policy:
    precision = device.precision(parameters)
    # Twice as fast for large convolutions in 16 bits; for small networks in float32 it changes nothing.
    return Policy(precision=precision, channels_last=precision != torch.float32)


def _filled(plan: Plan, policy: Policy, device: Device) -> Components:
    networks = {name: _fill(part, plan.family, policy, device, plan.entry.path) for name, part in plan.parts.items()}
    components = Components(
        plan.entry.base,
        networks,
        plan.tokenizers,
        plan.scheduler,
        zero_empty_negative=plan.zero_empty_negative,
    )
    if "prediction_type" in plan.scheduler:
        return components
    prediction = ask_prediction(components) if plan.family.ask_prediction else "epsilon"
    logger.info("%s does not say what it predicts: %s", plan.entry.name, prediction)
    return replace(components, scheduler={**plan.scheduler, "prediction_type": prediction})


def _fill(part: Blueprint, family: Family, policy: Policy, device: Device, path: Path) -> Any:
    place = torch.device("cpu") if policy.offloads else device.torch_device
    dtype = torch.float32 if part.part in ENCODERS else policy.precision
    if part.part == "vae" and family.fragile_vae and dtype == torch.float16 and part.network.config["force_upcast"]:  # type: ignore[index]
        dtype = torch.float32  # its activations overflow, and the picture would be black
    return _in_words(path, part.part, lambda: part.fill(dtype, place, channels_last=policy.channels_last))


def _plan_folder(entry: CatalogEntry, family: Family, opened: ExitStack, *, own_vae: bool) -> Plan:
    folder = entry.path
    wanted = [part for part in family.parts if own_vae or part != "vae"]
    parts = {
        part: _in_words(folder, part, lambda part=part: diffusers_folder.part_of(folder, part, part, opened))  # type: ignore[misc]
        for part in wanted
    }
    tokenizers = {
        part: _in_words(
            folder,
            part.replace("text_encoder", "tokenizer"),
            lambda part=part: diffusers_folder.tokenizer_of(folder, part),  # type: ignore[misc]
        )
        for part in wanted
        if part in ENCODERS
    }
    scheduler = _in_words(folder, "scheduler", lambda: diffusers_folder.scheduler_of(folder, family))
    if entry.prediction:
        scheduler = {"prediction_type": entry.prediction, **scheduler}
    index = _in_words(folder, "model_index.json", lambda: diffusers_folder.index_of(folder))
    zeros = bool(index.get("force_zeros_for_empty_prompt", family.zero_empty_negative))
    return Plan(entry, family, parts, tokenizers, scheduler, zeros)


def _plan_single_file(entry: CatalogEntry, family: Family, opened: ExitStack, *, own_vae: bool) -> Plan:
    path = entry.path
    files = opened.enter_context(TensorFiles([path]))
    file = _in_words(path, "configuration", lambda: SingleFile.of(files, family))
    wanted = [part for part in family.parts if own_vae or part != "vae"]
    prefixes = {part: file.prefix(part) for part in wanted}
    if absent := [part for part, prefix in prefixes.items() if prefix is None]:
        raise _absent(entry, absent)
    parts = {
        part: _in_words(path, part, lambda part=part, prefix=prefix: file.part(part, prefix or ""))  # type: ignore[misc]
        for part, prefix in prefixes.items()
    }
    tokenizers = {
        part: _in_words(
            path,
            part.replace("text_encoder", "tokenizer"),
            lambda part=part: file.tokenizer(part, parts[part].network.config.vocab_size),  # type: ignore[misc]
        )
        for part in wanted
        if part in ENCODERS
    }
    scheduler = _in_words(path, "scheduler", lambda: file.scheduler(entry.prediction))
    used = {source.name for part in parts.values() for source in part.sources.values()}
    if extras := file.extras(used, () if own_vae else family.prefixes["vae"]):
        logger.warning("%s: %d tensors are not used, %s for one", path.name, len(extras), extras[0])
    return Plan(entry, family, parts, tokenizers, scheduler, family.zero_empty_negative)


def _plan_vae(entry: CatalogEntry, family: Family, opened: ExitStack) -> Blueprint:
    path = entry.path
    if entry.layout == "diffusers":
        place = "vae" if (path / "vae").is_dir() else "."
        return _in_words(path, "vae", lambda: diffusers_folder.part_of(path, "vae", place, opened))
    files = opened.enter_context(TensorFiles([path]))
    file = _in_words(path, "configuration", lambda: SingleFile.of(files, family))
    return _in_words(path, "vae", lambda: file.part("vae", file.prefix("vae", BARE) or ""))


def _absent(entry: CatalogEntry, parts: list[str]) -> UserError:
    names = " and ".join("VAE" if part == "vae" else part.replace("_", " ") for part in parts)
    hint = "Choose a VAE beside it." if parts == ["vae"] else "Choose the complete checkpoint."
    return UserError("MODEL_TYPE", f"{entry.name} has no {names} inside.", hint, "checkpoint")


def _check(plan: Plan, vae: CatalogEntry) -> None:
    """The network and the autoencoder must speak of the same latents, in a form that can draw."""
    unet, latents = plan.parts["unet"].network.config, plan.parts["vae"].network.config["latent_channels"]  # type: ignore[index]
    takes, gives = unet["in_channels"], unet["out_channels"]  # type: ignore[index]
    if gives != latents:
        raise UserError(
            "MODEL_TYPE",
            f"the VAE of {vae.name} has {latents} channels, the network of {plan.entry.name} {gives}.",
            "Choose a VAE that was made for this family of models.",
            "vae",
        )
    if takes not in (latents, 2 * latents + 1):
        raise UserError(
            "MODEL_TYPE",
            f"the network of {plan.entry.name} takes {takes} channels.",
            f"Text to image needs one with {latents}, or {2 * latents + 1} for inpainting.",
            "checkpoint",
        )


def _in_words(path: Path, part: str, work: Callable[[], T]) -> T:
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


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no chatter on a worker's terminal while networks are made."""
    before = [(library, library.get_verbosity()) for library in (diffusers_logging, transformers_logging)]
    for library, _ in before:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, level in before:
            library.set_verbosity(level)
            library.enable_progress_bar()
