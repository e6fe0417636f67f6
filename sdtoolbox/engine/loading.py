"""From files to networks in memory: offline, safetensors only, complete or not at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from sdtoolbox.engine.assembling import Blueprint
from sdtoolbox.engine.components import ENCODERS, Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.families import ANY_VAE, FAMILIES, Family, family_of
from sdtoolbox.engine.planning import Plan, check, in_words, plan_folder, plan_single_file, plan_vae
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.prediction import ask_prediction
from sdtoolbox.models.entries import CatalogEntry

logger = logging.getLogger(__name__)


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
            plan = plan_folder(entry, family, opened, own_vae=vae is None)
        else:
            plan = plan_single_file(entry, family, opened, own_vae=vae is None)
        if vae is not None:
            plan.parts["vae"] = plan_vae(vae, family, opened)
        check(plan, vae or entry)
        held = policy or _usual_policy(device, sum(part.parameters for part in plan.parts.values()))
        return _filled(plan, held, device)


def load_vae(entry: CatalogEntry, device: Device, policy: Policy) -> Any:
    """A VAE alone: a diffusers folder, or a file in the original naming or that of diffusers; errors as `load`."""
    family = FAMILIES.get(entry.base, ANY_VAE)
    with _quiet(), ExitStack() as opened:
        plan = plan_vae(entry, family, opened)
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
    fragile = part.part == "vae" and family.fragile_vae and part.network.config.force_upcast
    if fragile and dtype == torch.float16:
        dtype = torch.float32  # its activations overflow, and the picture would be black
    return in_words(path, part.part, partial(part.fill, dtype, place, channels_last=policy.channels_last))


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
