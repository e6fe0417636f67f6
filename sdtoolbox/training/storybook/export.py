"""Writes what has been trained as a diffusers folder that `StableDiffusionPipeline.from_pretrained` loads."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from sdtoolbox.training.run import reached
from sdtoolbox.training.storybook import diffusion, text, vae
from sdtoolbox.training.storybook.classifier import Classifier

GUIDANCE = 4.0
DEFAULTS: dict[str, Any] = {
    "width": vae.SIZE,
    "height": vae.SIZE,
    "steps": 20,
    "guidance_scale": GUIDANCE,
    "sampler": "dpmpp_2m",
    "schedule": "karras",
}
DESCRIPTION = (
    "A small text-to-image model of a picture-book world, trained from nothing on drawn scenes; "
    "128 x 128 pixels, made for trying things out."
)
INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
SCHEDULER: dict[str, Any] = {
    "_class_name": "DPMSolverMultistepScheduler",
    **diffusion.NOISE,
    "algorithm_type": "dpmsolver++",
    "clip_sample": False,
    "solver_order": 2,
    "steps_offset": 1,
    "timestep_spacing": "linspace",
    "use_karras_sigmas": True,
}


def finished_vae(
    folder: Path, stages: Sequence[str] = (vae.PolishRecipe.name, vae.DecoderRecipe.name)
) -> AutoencoderKL:
    """The autoencoder with normalised latents, as the first of `stages` that has run left it; in fp32."""
    model = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True)
    for stage in stages:
        if (folder / f"{stage}.pt").exists():
            model.load_state_dict(reached(folder, stage).weights)
            break
    return model.eval()


def finished_text_encoder(folder: Path) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """Tokenizer and text encoder of a run."""
    tokenizer = text.load_tokenizer(folder / "tokenizer")
    return tokenizer, text.encoder_from(reached(folder, text.NAME).weights, tokenizer)


def finished_unet(folder: Path, width: int) -> UNet2DConditionModel:
    """The averaged UNet of a run; its channels are read off its weights."""
    state = reached(folder, diffusion.NAME).weights
    levels = len({name.split(".")[1] for name in state if name.startswith("down_blocks.")})
    channels = tuple(state[f"down_blocks.{level}.resnets.0.conv2.weight"].shape[0] for level in range(levels))
    unet = diffusion.build(width, channels)
    unet.load_state_dict(state)
    return unet.eval()


def finished_classifier(folder: Path) -> Classifier:
    """The averaged classifier of a run."""
    classifier = Classifier()
    classifier.load_state_dict(reached(folder, "classifier").weights)
    return classifier.eval()


def load_classifier(path: Path) -> Classifier:
    """A classifier that `export_classifier` wrote, in fp32."""
    classifier = Classifier()
    classifier.load_state_dict({name: weight.float() for name, weight in load_file(path).items()})
    return classifier.eval()


def export_vae(folder: Path, target: Path) -> Path:
    """Writes `vae/` of a checkpoint folder."""
    return _save_model(finished_vae(folder), target / "vae")


def export_classifier(folder: Path, target: Path) -> Path:
    """Writes the classifier as `model.safetensors`, fp16."""
    target.mkdir(parents=True, exist_ok=True)
    state = {name: _half(weight) for name, weight in sorted(finished_classifier(folder).state_dict().items())}
    save_file(state, target / "model.safetensors", metadata={"format": "pt"})
    (target / "model.safetensors").chmod(0o644)  # it comes out readable by its owner alone
    return target


def export(folder: Path, target: Path) -> Path:
    """Writes the whole checkpoint folder: the same run gives the same bytes."""
    _, encoder = finished_text_encoder(folder)
    export_vae(folder, target)
    _save_model(encoder, target / "text_encoder")
    _save_model(finished_unet(folder, encoder.config.hidden_size), target / "unet")
    shutil.copytree(folder / "tokenizer", target / "tokenizer", dirs_exist_ok=True)
    _write_json(SCHEDULER, target / "scheduler" / "scheduler_config.json")
    _write_json(INDEX, target / "model_index.json")
    _write_json({"name": "storybook", "description": DESCRIPTION, "defaults": DEFAULTS}, target / "sdtoolbox.json")
    return target


def _half(weight: torch.Tensor) -> torch.Tensor:
    return weight.half().contiguous() if weight.is_floating_point() else weight.contiguous()


def _save_model(model: nn.Module, target: Path) -> Path:
    """Saves config and fp16 weights; paths of this machine, which the libraries note, are left out."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        model.half().save_pretrained(scratch, safe_serialization=True)  # type: ignore[operator]
        config = json.loads((Path(scratch) / "config.json").read_text(encoding="utf-8"))
        for name in ("_name_or_path", "decay"):
            config.pop(name, None)
        _write_json(config, target / "config.json")
        for weights in Path(scratch).glob("*.safetensors"):
            shutil.copyfile(weights, target / weights.name)
    return target


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
