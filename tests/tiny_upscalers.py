"""Diffusion upscalers in miniature, as diffusers saves them: the real classes, under a million random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.tiny import write_tokenizer

PIPELINES = {
    "sd_upscaler": "StableDiffusionUpscalePipeline",
    "sd_latent_upscaler": "StableDiffusionLatentUpscalePipeline",
}
WIDTH = 32
BETAS = {"beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
SCHEDULERS: dict[str, dict[str, Any]] = {
    "sd_upscaler": {**BETAS, "beta_start": 0.0001, "beta_end": 0.02, "prediction_type": "v_prediction"},
    "sd_latent_upscaler": {**BETAS, "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "sample"},
}
UNETS: dict[str, dict[str, Any]] = {
    "sd_upscaler": {
        "in_channels": 7,
        "block_out_channels": (16, 16, 32),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": 4,
        "only_cross_attention": (True, True, False),
        "use_linear_projection": True,
        "num_class_embeds": 1000,
        "norm_num_groups": 8,
    },
    "sd_latent_upscaler": {
        "in_channels": 8,
        "out_channels": 5,
        "block_out_channels": (32, 32, 64, 64),
        "down_block_types": ("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
        "up_block_types": (*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
        "mid_block_type": None,
        "attention_head_dim": 8,
        "act_fn": "gelu",
        "norm_num_groups": None,
        "conv_in_kernel": 1,
        "conv_out_kernel": 1,
        "time_embedding_type": "fourier",
        "timestep_post_act": "gelu",
        "time_cond_proj_dim": 128 + WIDTH,
        "resnet_time_scale_shift": "scale_shift",
        "only_cross_attention": False,
    },
}


def write_upscaler(folder: Path, variant: str, seed: int = 0) -> None:
    """Write a diffusers folder of an upscaler of this variant at `folder`."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _write_text(folder, open_clip=variant == "sd_upscaler")
        _write_networks(folder, variant)
    low_res = {"low_res_scheduler": ["diffusers", "DDPMScheduler"]} if variant == "sd_upscaler" else {}
    for name in ("scheduler", *low_res):
        config = dict(SCHEDULERS[variant], _class_name="EulerDiscreteScheduler")
        if name == "low_res_scheduler":
            config |= {"_class_name": "DDPMScheduler", "prediction_type": "epsilon", "beta_end": 0.03}
        _write_json(folder / name / "scheduler_config.json", config)
    index = {
        "_class_name": PIPELINES[variant],
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        **low_res,
    }
    _write_json(folder / "model_index.json", index)


def _write_networks(folder: Path, variant: str) -> None:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel(sample_size=16, layers_per_block=1, cross_attention_dim=WIDTH, **UNETS[variant])
    levels = 3 if variant == "sd_upscaler" else 4
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16)[:levels],
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        **({"scaling_factor": 0.08333} if variant == "sd_upscaler" else {}),
    )
    with torch.no_grad():  # pictures with contrast: a test that compares two greys shows little
        vae.decoder.conv_out.weight.mul_(2)
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")


def _write_text(folder: Path, *, open_clip: bool) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    size = write_tokenizer(folder / "tokenizer")
    options: dict[str, Any] = {"pad_token": "!"} if open_clip else {}  # OpenCLIP pads with the first word
    place = folder / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(place, model_max_length=77, local_files_only=True, **options)
    tokenizer.save_pretrained(place)
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.2,
        hidden_act="gelu" if open_clip else "quick_gelu",
    )
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")


def _write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
