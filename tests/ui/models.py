"""Tiny files for the page's tests, of zeros, which are recognised as what they are: LoRAs, a VAE, a pickle."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

from PIL import Image

MODULE = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
TEXT_WIDTHS = {"sd1": 768, "sdxl": 2048}
SCRIPT = "<img src=x onerror=window.pwned=1>"
VAE = {
    "encoder.conv_in.weight": (1, 3, 1, 1),
    "decoder.conv_in.weight": (1, 4, 1, 1),
    "decoder.conv_out.weight": (3, 1, 1, 1),
    "decoder.mid.block_1.norm1.weight": (1,),
}


def write_models(folder: Path) -> None:
    """`film` and `robot` (SD 1), `film xl` (SDXL), one whose name is a script, the VAE `soft`, the pickle `old`."""
    write_lora(folder / "adapters" / "film.safetensors", "sd1", {"modelspec.trigger_phrase": "film grain"})
    write_lora(folder / "adapters" / "robot.safetensors", "sd1")
    write_lora(folder / "adapters" / "film xl.safetensors", "sdxl")
    write_lora(folder / "adapters" / f"{SCRIPT}.safetensors", "sd1", {"modelspec.trigger_phrase": "<b>bold</b>"})
    write_zeros(folder / "vaes" / "soft.safetensors", VAE)
    (folder / "old.ckpt").write_bytes(b"\x80\x02}q\x00.")
    Image.new("RGB", (64, 96), "#c33b2f").save(folder / "adapters" / "film.preview.png")


def write_lora(path: Path, base: str, metadata: dict[str, str] | None = None) -> None:
    """A LoRA of rank 4 for one layer of this base."""
    shapes = {
        f"{MODULE}.lora_down.weight": (4, TEXT_WIDTHS[base]),
        f"{MODULE}.lora_up.weight": (640, 4),
        f"{MODULE}.alpha": (),
    }
    write_zeros(path, shapes, metadata)


def write_zeros(path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file with these tensors in half precision."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
