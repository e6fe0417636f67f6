"""The names of weights in the original single-file layout of Stable Diffusion, from their names in diffusers.

One table serves both ways: loading asks where the weight of a network is stored, exporting where to store it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from sdtoolbox.engine.reading import Source

Find = Callable[[str], list[Source]]
"""The places where a network's weight may be stored, the usual one first."""

UNET_ENDS: Mapping[str, str] = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "class_embedding": "label_emb",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
UNET_RESNET: Mapping[str, str] = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ENDS: Mapping[str, str] = {"conv_norm_out": "norm_out"}
VAE_RESNET: Mapping[str, str] = {"conv_shortcut": "nin_shortcut"}
VAE_ATTENTION: Mapping[str, str] = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OLD_ATTENTION: Mapping[str, str] = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
OPEN_CLIP: Mapping[str, str] = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
OPEN_CLIP_ENDS: Mapping[str, Source] = {
    "embeddings.token_embedding.weight": Source("token_embedding.weight"),
    "embeddings.position_embedding.weight": Source("positional_embedding"),
    "final_layer_norm.weight": Source("ln_final.weight"),
    "final_layer_norm.bias": Source("ln_final.bias"),
    "text_projection.weight": Source("text_projection", transposed=True),
}
BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")


def unet_names(config: Mapping[str, Any], prefix: str) -> Find:
    """Of a UNet2DConditionModel with this configuration, in a file that has its weights under `prefix`."""
    layers = layers_of(config)
    first_down = [1, *accumulate((count + 1 for count in layers), initial=1)][1:]
    first_up = list(accumulate((count + 1 for count in reversed(layers)), initial=0))

    def find(name: str) -> list[Source]:
        if middle := MIDDLE.fullmatch(name):
            if middle[1] == "attentions":
                return [Source(f"{prefix}middle_block.1.{middle[3]}")]
            return [Source(f"{prefix}middle_block.{2 * int(middle[2])}.{_renamed(middle[3], UNET_RESNET)}")]
        if not (match := BLOCK.fullmatch(name)):
            return [Source(prefix + _renamed(name, UNET_ENDS))]
        way, level, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
        first = first_down[level] if way == "down" else first_up[level]
        room = "input_blocks" if way == "down" else "output_blocks"
        if kind == "resnets":
            place = f"{first + index}.0.{_renamed(rest, UNET_RESNET)}"
        elif kind == "attentions":
            place = f"{first + index}.1.{rest}"
        elif kind == "downsamplers":
            place = f"{first + layers[level]}.0.{rest.replace('conv.', 'op.', 1)}"
        else:
            attends = "CrossAttn" in config["up_block_types"][level]
            place = f"{first + layers[-1 - level]}.{2 if attends else 1}.{rest}"
        return [Source(f"{prefix}{room}.{place}")]

    return find


def vae_names(config: Mapping[str, Any], prefix: str) -> Find:
    """Of an AutoencoderKL with this configuration."""
    levels = len(config["block_out_channels"])

    def find(name: str) -> list[Source]:
        half, _, rest = name.partition(".")
        if middle := MIDDLE.fullmatch(rest):
            number, tail = int(middle[2]) + 1, middle[3]
            if middle[1] == "attentions":
                return [Source(f"{prefix}{half}.mid.attn_{number}.{_renamed(tail, VAE_ATTENTION)}")]
            return [Source(f"{prefix}{half}.mid.block_{number}.{_renamed(tail, VAE_RESNET)}")]
        if match := BLOCK.fullmatch(rest):
            level = int(match[2]) if match[1] == "down" else levels - 1 - int(match[2])
            inner = f"block.{match[4]}" if match[3] == "resnets" else f"{match[1]}sample"
            return [Source(f"{prefix}{half}.{match[1]}.{level}.{inner}.{_renamed(match[5], VAE_RESNET)}")]
        return [Source(f"{prefix}{half}.{_renamed(rest, VAE_ENDS)}")]

    return find


def clip_names(stem: str) -> Find:
    """Of a CLIP text model stored with Hugging Face's names; the oldest files lack "text_model"."""

    def find(name: str) -> list[Source]:
        plain = name.removeprefix("text_model.")
        return [Source(f"{stem}text_model.{plain}"), Source(stem + plain)]

    return find


def open_clip_names(stem: str) -> Find:
    """Of a CLIP text model stored with OpenCLIP's names: query, key and value are the thirds of one matrix."""

    def find(name: str) -> list[Source]:
        name = name.removeprefix("text_model.")
        if name in OPEN_CLIP_ENDS:
            end = OPEN_CLIP_ENDS[name]
            return [Source(stem + end.name, end.third, end.transposed), Source(stem + name)]
        match = LAYER.fullmatch(name)
        if not match:
            return []
        block, inner = f"{stem}transformer.resblocks.{match[1]}", match[2]
        if inner in OPEN_CLIP:
            return [Source(f"{block}.{OPEN_CLIP[inner]}.{match[3]}")]
        third = ("q", "k", "v").index(inner.removeprefix("self_attn.").removesuffix("_proj"))
        return [Source(f"{block}.attn.in_proj_{match[3]}", third)]

    return find


def diffusers_names(prefix: str = "") -> Find:
    """Of a network whose weights are stored under its own names, or under those that older versions gave them."""

    def find(name: str) -> list[Source]:
        names = [name, f"text_model.{name}"]  # the second: transformers before 5.6
        head, attention, tail = name.partition(".attentions.0.")
        if attention:  # diffusers before 0.18, in autoencoders
            names.append(head + attention + _renamed(tail, OLD_ATTENTION))
        return [Source(prefix + one) for one in names]

    return find


def layers_of(config: Mapping[str, Any]) -> Sequence[int]:
    """How many residual blocks a UNet has at each level of its way down."""
    layers = config["layers_per_block"]
    return [layers] * len(config["block_out_channels"]) if isinstance(layers, int) else list(layers)


def _renamed(name: str, table: Mapping[str, str]) -> str:
    """`name` with its beginning replaced, if that is an entry of the table."""
    for old, new in table.items():
        if name.startswith(f"{old}."):
            return new + name[len(old) :]
    return name
