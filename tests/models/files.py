"""Small model files for tests: the names and shapes of real ones where they are looked at, zeros elsewhere."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

UNET: Shapes = {
    "conv_in.weight": (1, 4, 3, 3),
    "conv_out.weight": (4, 1, 3, 3),
    "time_embedding.linear_1.weight": (1, 1),
    "down_blocks.0.attentions.0.proj_in.weight": (1, 1, 1, 1),
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": (1, 768),
}
VAE: Shapes = {
    "encoder.conv_in.weight": (1, 3, 3, 3),
    "decoder.conv_in.weight": (1, 4, 3, 3),
    "decoder.conv_out.weight": (3, 1, 3, 3),
    "decoder.mid_block.resnets.0.norm1.weight": (1,),
}


def lora(width: int = 768) -> Shapes:
    """A LoRA of rank 4 for networks that read text vectors of this width: 768 SD 1, 1024 SD 2, 2048 SDXL."""
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    return {f"{layer}.lora_down.weight": (4, width), f"{layer}.lora_up.weight": (320, 4), f"{layer}.alpha": ()}


def write(path: Path, shapes: Shapes, metadata: Mapping[str, str] | None = None, fill: int = 0) -> Path:
    """A safetensors file of these tensors, every byte of them `fill`; folders are made on the way."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes([fill]) * end)
    return path


def write_folder(path: Path, *, index: object = None, channels: int = 4, own: object = None) -> Path:
    """A diffusers folder that is recognised as Stable Diffusion 1."""
    write(path / "unet" / "diffusion_pytorch_model.safetensors", UNET)
    write(path / "vae" / "diffusion_pytorch_model.safetensors", VAE)
    write(path / "text_encoder" / "model.safetensors", {"final_layer_norm.weight": (1,)})
    (path / "tokenizer").mkdir()
    (path / "unet" / "config.json").write_text(json.dumps({"in_channels": channels}))
    (path / "model_index.json").write_text(json.dumps(index or {"_class_name": "StableDiffusionPipeline"}))
    if own is not None:
        (path / "sdtoolbox.json").write_text(json.dumps(own))
    return path
