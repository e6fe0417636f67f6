"""A Stable Diffusion 1 checkpoint in miniature: the real classes, random weights, 0.3 M parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = ("a", "red", "house", "big", "tree", "in", "the", "snow")


PIPELINES = {
    "sd1": "StableDiffusionPipeline",
    "sd2": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sdxl_refiner": "StableDiffusionXLImg2ImgPipeline",
}
ENCODERS = {
    "sd1": ("text_encoder",),
    "sd2": ("text_encoder",),
    "sdxl": ("text_encoder", "text_encoder_2"),
    "sdxl_refiner": ("text_encoder_2",),
}
PIPELINE_OF = {"": "Pipeline", "inpaint": "InpaintPipeline", "instruct": "InstructPix2PixPipeline"}
CHANNELS = {"": 4, "inpaint": 9, "instruct": 8}
# Widths of the first and of the second text encoder, and of what the second says of a prompt as a whole.
WIDTH, WIDTH_2, POOLED = 32, 48, 40


def write_checkpoint(
    folder: Path, prediction_type: str = "epsilon", seed: int = 0, base: str = "sd1", variant: str = ""
) -> None:
    """Write a diffusers folder at `folder`; its defaults are 64x64, 4 steps, guidance 3, Euler, Karras.

    `base`: sd1, sd2, sdxl or sdxl_refiner, each with its own kind of text encoders and attention. A network that
    predicts v has a noise table that ends without any signal. `variant`: inpaint, instruct, or neither.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in ENCODERS[base]:
            _write_text(folder, base, part)
        _write_networks(folder, base, variant)
    _write_scheduler(folder, prediction_type)
    name = PIPELINES[base].replace("Pipeline", PIPELINE_OF[variant])
    _write_json(folder / "model_index.json", _index(base, name))
    defaults = {
        "width": 64,
        "height": 64,
        "steps": 4,
        "guidance_scale": 3.0,
        "sampler": "euler",
        "schedule": "karras",
    }
    _write_json(folder / "sdtoolbox.json", {"name": folder.name, "description": "Random.", "defaults": defaults})


def _index(base: str, pipeline: str) -> dict[str, Any]:
    index: dict[str, Any] = {
        "_class_name": pipeline,
        "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    for part in ENCODERS[base]:
        index[part] = ["transformers", "CLIPTextModelWithProjection" if part.endswith("_2") else "CLIPTextModel"]
        index[part.replace("text_encoder", "tokenizer")] = ["transformers", "CLIPTokenizer"]
    if base == "sdxl":
        return index | {"force_zeros_for_empty_prompt": True}
    if base == "sdxl_refiner":
        empty = {"text_encoder": [None, None], "tokenizer": [None, None]}
        return index | empty | {"force_zeros_for_empty_prompt": False, "requires_aesthetics_score": True}
    return index | {"safety_checker": [None, None], "requires_safety_checker": False}


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


def _write_text(folder: Path, base: str, part: str) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    place = folder / part.replace("text_encoder", "tokenizer")
    size = write_tokenizer(place)
    open_clip = part == "text_encoder_2" or base == "sd2"
    options: dict[str, Any] = {"pad_token": "!"} if open_clip else {}  # OpenCLIP pads with the first word
    tokenizer = CLIPTokenizer.from_pretrained(place, model_max_length=77, local_files_only=True, **options)
    tokenizer.save_pretrained(place)
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=WIDTH_2 if part == "text_encoder_2" else WIDTH,
        intermediate_size=64,
        num_hidden_layers=3 if open_clip else 2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.2,
        hidden_act="gelu" if open_clip else "quick_gelu",
        projection_dim=POOLED,
    )
    model = CLIPTextModelWithProjection if part == "text_encoder_2" else CLIPTextModel
    model(config).save_pretrained(folder / part)


def _unet_options(base: str) -> dict[str, Any]:
    crossed = {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    if base == "sd1":
        return {**crossed, "cross_attention_dim": WIDTH, "attention_head_dim": 4}
    if base == "sd2":
        return {
            **crossed,
            "cross_attention_dim": WIDTH,
            "attention_head_dim": (2, 4),
            "use_linear_projection": True,
        }
    sizes = 5 if base == "sdxl_refiner" else 6
    return {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2),
        "cross_attention_dim": WIDTH_2 if base == "sdxl_refiner" else WIDTH + WIDTH_2,
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": POOLED + sizes * 8,
    }


def _write_networks(folder: Path, base: str, variant: str) -> None:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=CHANNELS[variant],
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        **_unet_options(base),
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        **({"scaling_factor": 0.13025} if base.startswith("sdxl") else {}),
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
