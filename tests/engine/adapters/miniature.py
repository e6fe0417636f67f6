"""A checkpoint in miniature, and files of adapters for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from sdtoolbox.engine.adapters import LoadedAdapter
from sdtoolbox.engine.components import Components
from sdtoolbox.models.entries import CatalogEntry

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CROSS = "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
CONVOLUTION = "mid_block.resnets.0.conv1"
POINTWISE = "down_blocks.0.attentions.0.proj_in"
TEXT = "encoder.layers.0.self_attn.q_proj"

Load = Callable[[Mapping[str, Tensor]], LoadedAdapter]


def build_components(dtype: torch.dtype = torch.float32) -> Components:
    """Random networks of the real classes."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=64,
            hidden_size=24,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            initializer_range=0.2,
        )
    )
    networks: dict[str, nn.Module] = {"unet": unet, "text_encoder": encoder}
    networks = {part: network.to(dtype).eval().requires_grad_(False) for part, network in networks.items()}
    return Components("sd1", networks, {}, {})


def write(file: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> CatalogEntry:
    """A file of tensors, and its entry."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata=metadata)
    return CatalogEntry(id="0" * 32, name=file.stem, kind="lora", base="sd1", state="ready", path=file)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def kohya(path: str, part: str = "unet") -> str:
    """How kohya's trainers spell a module."""
    name = path if part == "unet" else f"text_model.{path}"
    return f"lora_{part}_{name.replace('.', '_')}"


def lora(
    name: str, shape: tuple[int, ...], rank: int = 2, alpha: float | None = 1.0, seed: int = 0
) -> dict[str, Tensor]:
    """A LoRA of one layer with this weight's shape, in kohya's spelling."""
    tensors = {
        f"{name}.lora_down.weight": random(rank, *shape[1:], seed=seed),
        f"{name}.lora_up.weight": random(shape[0], rank, *(1 for _ in shape[2:]), seed=seed + 1),
    }
    return tensors | ({} if alpha is None else {f"{name}.alpha": torch.tensor(alpha)})


def weight_of(components: Components, path: str, part: str = "unet") -> Tensor:
    """A module's weight."""
    weight: Tensor = components.networks[part].get_submodule(path).weight
    return weight


def draw(components: Components) -> Tensor:
    """What the UNet makes of fixed noise and the text encoder's reading of fixed tokens."""
    with torch.no_grad():
        tokens = components.text_encoder(torch.arange(7)[None]).last_hidden_state
        dtype = tokens.dtype
        made: Tensor = components.unet(random(1, 4, 8, 8).to(dtype), 500, tokens).sample
    return made
