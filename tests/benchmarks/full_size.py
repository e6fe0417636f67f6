"""A Stable Diffusion 1.5 of full size with random weights, in both layouts; nothing is downloaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.vocabulary import clip_tokenizer
from tests.tiny import write_checkpoint

NUMBERS = 1 << 22
"""Weights repeat themselves after so many: drawing 10^9 numbers would take longer than most measurements."""
RANK = 16
CLASSES = {
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "timestep_spacing": "linspace",
}


@dataclass(frozen=True, slots=True)
class FullSize:
    """Where it lies: as a diffusers folder, as a single file, and a LoRA of rank 16 for it."""

    folder: Path
    file: Path
    lora: Path

    @classmethod
    def at(cls, root: Path) -> FullSize:
        """The three places in a folder."""
        return cls(root / "full-size", root / "full-size-original.safetensors", root / "rank-16.safetensors")


def write_full_size(root: Path, dtype: torch.dtype = torch.float16) -> FullSize:
    """Write 860 M + 84 M + 123 M parameters into `root`, twice 2 GB in float16, in about a minute."""
    models = FullSize.at(root)
    folder = models.folder
    unet = _filled(lambda: UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8), dtype)
    unet.save_pretrained(folder / "unet")
    _write_lora(unet, models.lora)
    del unet
    _filled(_autoencoder, dtype).save_pretrained(folder / "vae")
    _filled(lambda: CLIPTextModel(_clip()), dtype).save_pretrained(folder / "text_encoder")
    clip_tokenizer().save_pretrained(folder / "tokenizer")
    _write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1", **CLASSES}
    unused = {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    _write_json(folder / "model_index.json", index | unused)
    write_original(folder, models.file, "sd1")
    return models


def write_tiny(root: Path) -> FullSize:
    """The same three in miniature: enough to try a script."""
    models = FullSize.at(root)
    write_checkpoint(models.folder)
    write_original(models.folder, models.file, "sd1")
    _write_lora(UNet2DConditionModel.from_pretrained(models.folder / "unet", local_files_only=True), models.lora)
    return models


def _filled(make: Any, dtype: torch.dtype) -> Any:
    """The network with random weights of the usual size, and norms that change nothing."""
    with torch.device("meta"):
        network = make()
    network = network.to(dtype).to_empty(device="cpu").requires_grad_(False).eval()
    noise = torch.randn(NUMBERS, generator=torch.Generator().manual_seed(0)).to(dtype)
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.GroupNorm | nn.LayerNorm):
                parameter.fill_(1.0 if name == "weight" else 0.0)
            elif name == "bias":
                parameter.zero_()
            else:
                fan_in = parameter[0].numel() if parameter.ndim > 1 else parameter.numel()
                size = fan_in**-0.5 if not isinstance(module, nn.Embedding) else 0.02
                flat = parameter.view(-1)
                for start in range(0, flat.numel(), NUMBERS):
                    piece = flat[start : start + NUMBERS]
                    torch.mul(noise[: piece.numel()], size, out=piece)
    if hasattr(network, "text_model") or hasattr(network, "embeddings"):
        _fill_positions(network)
    return network


def _fill_positions(network: nn.Module) -> None:
    # The only buffer: the numbers of the places in a text.
    for name, buffer in network.named_buffers():
        if name.endswith("position_ids"):
            buffer.copy_(torch.arange(buffer.numel()).view_as(buffer))


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def _clip() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        intermediate_size=3072,
        projection_dim=768,
        num_attention_heads=12,
        num_hidden_layers=12,
        max_position_embeddings=77,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )


def _write_lora(unet: nn.Module, path: Path) -> None:
    """For the 128 projections of all attentions, in kohya's spelling, weak enough to draw with."""
    generator, tensors = torch.Generator().manual_seed(1), {}
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            key = f"lora_unet_{name.replace('.', '_')}"
            outputs, inputs = module.weight.shape  # type: ignore[misc]
            tensors[f"{key}.lora_down.weight"] = 0.02 * torch.randn(RANK, inputs, generator=generator)
            tensors[f"{key}.lora_up.weight"] = 0.02 * torch.randn(outputs, RANK, generator=generator)
            tensors[f"{key}.alpha"] = torch.tensor(float(RANK))
    save_file({name: tensor.half() for name, tensor in tensors.items()}, path)


def _write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
