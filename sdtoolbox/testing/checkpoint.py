"""A checkpoint that the catalog takes for a ready one and that holds next to nothing; no torch is needed for it."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

NAME = "fake"
UNET = {  # by which a U-Net of Stable Diffusion 1 is recognised
    "conv_in.weight": (1, 4, 3, 3),
    "conv_out.weight": (4, 1, 3, 3),
    "time_embedding.linear_1.weight": (1, 1),
    "down_blocks.0.attentions.0.proj_in.weight": (1, 1, 1, 1),
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": (1, 768),
}


def write_checkpoint(folder: Path) -> Path:
    """A checkpoint named "fake" that the catalog takes for ready, with a handful of weights: 16x16, 8 steps."""
    path = folder / "checkpoints" / NAME
    for part in ("unet", "vae", "text_encoder", "tokenizer"):
        (path / part).mkdir(parents=True)
    write_weights(path / "unet" / "diffusion_pytorch_model.safetensors", UNET)
    write_weights(path / "vae" / "diffusion_pytorch_model.safetensors", {"decoder.conv_in.weight": (1, 4, 1, 1)})
    write_weights(path / "text_encoder" / "model.safetensors", {"final_layer_norm.weight": (1,)})
    (path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (path / "unet" / "config.json").write_text('{"in_channels": 4}')
    (path / "sdtoolbox.json").write_text('{"name": "fake", "defaults": {"width": 16, "height": 16, "steps": 8}}')
    return path


def write_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of zeros, written without torch."""
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
