"""A Stable Diffusion 1 checkpoint in miniature: the real classes, random weights, 0.3 M parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = ("a", "red", "house", "big", "tree", "in", "the", "snow")


def write_checkpoint(folder: Path, prediction_type: str = "epsilon", seed: int = 0) -> None:
    """Write a diffusers folder at `folder`; its defaults are 64x64, 4 steps, guidance 3, Euler, Karras."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _write_text(folder)
        _write_networks(folder)
    _write_scheduler(folder, prediction_type)
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.42.1",
            "feature_extractor": [None, None],
            "safety_checker": [None, None],
            "requires_safety_checker": False,
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )
    defaults = {
        "width": 64,
        "height": 64,
        "steps": 4,
        "guidance_scale": 3.0,
        "sampler": "euler",
        "schedule": "karras",
    }
    _write_json(folder / "sdtoolbox.json", {"name": folder.name, "description": "Random.", "defaults": defaults})


def write_tokenizer(folder: Path) -> int:
    """Write `vocab.json` and `merges.txt`: every byte, a few whole words; returns the size of the vocabulary."""
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges.append(f"{parts[0]} {parts[1]}")
            parts = [parts[0] + parts[1], *parts[2:]]
            if parts[0] not in tokens:
                tokens.append(parts[0])
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    _write_json(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    unique = list(dict.fromkeys(merges))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *unique, ""]), encoding="utf-8")
    return len(tokens)


def _write_text(folder: Path) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    size = write_tokenizer(folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", model_max_length=77, local_files_only=True)
    tokenizer.save_pretrained(folder / "tokenizer")
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
        initializer_range=0.2,
    )
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")


def _write_networks(folder: Path) -> None:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    )
    with torch.no_grad():  # pictures with contrast: a test that compares two greys shows little
        vae.decoder.conv_out.weight.mul_(2)
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")


def _write_scheduler(folder: Path, prediction_type: str) -> None:
    config: dict[str, Any] = {
        "_class_name": "DDIMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": prediction_type,
        "rescale_betas_zero_snr": prediction_type == "v_prediction",
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "clip_sample": False,
    }
    _write_json(folder / "scheduler" / "scheduler_config.json", config)


def _write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
