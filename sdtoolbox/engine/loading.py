"""From a diffusers folder to networks in memory: offline, safetensors only, complete or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.memory import is_out_of_memory
from sdtoolbox.errors import UserError
from sdtoolbox.models import weights
from sdtoolbox.models.entries import CatalogEntry

T = TypeVar("T")
logger = logging.getLogger(__name__)
OFFLINE: Mapping[str, Any] = {"local_files_only": True}
FOREIGN = (SafetensorError, StrictDataclassError)  # neither is a ValueError
LOADERS: Mapping[str, Any] = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of a Stable Diffusion 1 checkpoint, on their device, and its scheduler's configuration."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Mapping[str, Any]


def load(checkpoint: CatalogEntry, device: Device) -> Components:
    """Load every part of a checkpoint.

    A small checkpoint and any text encoder are cast to float32, a large one to the device's faster type. UserError
    MODEL_MISSING, MODEL_UNSAFE, MODEL_CORRUPT name the file at fault, MODEL_TYPE what is not known.
    """
    folder = checkpoint.path
    parameters = sum(weights.check(file) for file in weights.weight_files(folder))
    precision = device.precision(parameters)
    dtypes = {"unet": precision, "vae": precision, "text_encoder": torch.float32}
    with _quiet():
        networks = {part: _network(folder, part, dtype).to(device.torch_device) for part, dtype in dtypes.items()}
        if precision != torch.float32:
            # Twice as fast for large convolutions in 16 bits; for small networks in float32 it changes nothing.
            networks = {part: network.to(memory_format=torch.channels_last) for part, network in networks.items()}
        tokenizer = _read(folder, "tokenizer", lambda: CLIPTokenizer.from_pretrained(folder / "tokenizer", **OFFLINE))
    return Components(**networks, tokenizer=tokenizer, scheduler=_scheduler(folder))


def _network(folder: Path, part: str, dtype: torch.dtype) -> nn.Module:
    def load_part() -> tuple[nn.Module, Mapping[str, Any]]:
        loaded: tuple[nn.Module, Mapping[str, Any]] = LOADERS[part].from_pretrained(
            folder / part,
            variant=weights.variant(folder, part),
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
            **OFFLINE,
        )
        return loaded

    network, info = _read(folder, part, load_part)
    # Weights that a file lacks are left random by both libraries: a picture of noise, reported as a success.
    missing = sorted(info["missing_keys"])
    if missing:
        raise _corrupt(folder, part, f"{len(missing)} weights are missing, {missing[0]} for one")
    return network.requires_grad_(False).eval()


def _read(folder: Path, part: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, *FOREIGN) as error:
        if is_out_of_memory(error):
            raise
        logger.warning("loading %s of %s", part, folder, exc_info=True)
        reason = f"its files do not fit together ({type(error).__name__})"
    raise _corrupt(folder, part, reason)


def _corrupt(folder: Path, part: str, reason: str) -> UserError:
    return UserError("MODEL_CORRUPT", f"{part} of {folder.name} cannot be loaded: {reason}.", weights.GET_AGAIN)


def _scheduler(folder: Path) -> Mapping[str, Any]:
    file = folder / "scheduler" / "scheduler_config.json"
    if not file.is_file():
        return {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}  # as Stable Diffusion 1
    try:
        config: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise _corrupt(folder, "scheduler", "its configuration cannot be read") from None
    return config


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no chatter on a worker's terminal while weights are read."""
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
