"""The configuration of a network, from the names and shapes of its weights in the original single-file layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from sdtoolbox.engine.families import Family

Shape = Callable[[str], tuple[int, ...] | None]
"""name -> shape of the weight, None if there is none of this name."""
HEAD = 64
WHOLE = {1024: 24, 1280: 32}
"""Layers of OpenCLIP's text towers by their width, ViT-H and ViT-bigG; some files lack those that are not used."""


class Unusual(ValueError):  # noqa: N818 - becomes a UserError that names the part
    """Weights are laid out as in no network that we know; the text says where."""


def unet_config(shape: Shape, family: Family) -> dict[str, Any]:
    """Of a UNet2DConditionModel; `shape` is asked for names without their prefix. Unusual, if it has no such form."""
    channels, layers, depths = _levels(shape)
    middle = _depth(shape, "middle_block.1")
    if not middle:
        raise Unusual("its middle block has no attention")
    # A level without attention has no depth of its own; the middle block takes that of the last level.
    depths_or_one = [depth or 1 for depth in depths[:-1]] + [depths[-1] or middle]
    if depths_or_one[-1] != middle:
        raise Unusual("its middle block is not like its last level")
    heads = [family.heads or max(1, width // HEAD) for width in channels]
    down = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths]
    up = ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)]
    attention = _first(f"{room}.1" for room in _rooms(shape, depths, layers))
    config = {
        "in_channels": _known(shape, "input_blocks.0.0.weight")[1],
        "out_channels": _known(shape, "out.2.weight")[0],
        "block_out_channels": channels,
        "layers_per_block": layers,
        "down_block_types": down,
        "up_block_types": up,
        "transformer_layers_per_block": depths_or_one,
        "attention_head_dim": heads,  # diffusers' name for the number of heads
        "cross_attention_dim": _known(shape, f"{attention}.transformer_blocks.0.attn2.to_k.weight")[1],
        "use_linear_projection": len(_known(shape, f"{attention}.proj_in.weight")) == 2,
    }
    if label := shape("label_emb.0.0.weight"):
        config["projection_class_embeddings_input_dim"] = label[1]
    return config


def _levels(shape: Shape) -> tuple[list[int], int, list[int]]:
    """Channels of each level, residual blocks a level, transformer blocks an attention of each level."""
    channels: list[int] = []
    layers: list[int] = [0]
    depths: list[int] = [0]
    width = 0
    for index in count(1):
        room = f"input_blocks.{index}"
        if shape(f"{room}.0.op.weight"):
            channels.append(width)
            layers.append(0)
            depths.append(0)
        elif block := shape(f"{room}.0.out_layers.3.weight"):
            width = block[0]
            layers[-1] += 1
            depths[-1] = _depth(shape, f"{room}.1")
        else:
            break
    channels.append(width)
    if len(set(layers)) != 1 or not layers[0]:
        raise Unusual("its levels differ in their number of blocks")
    return channels, layers[0], depths


def _rooms(shape: Shape, depths: list[int], layers: int) -> Iterable[str]:
    for level, depth in enumerate(depths):
        if depth:
            yield f"input_blocks.{1 + level * (layers + 1)}"
    yield "middle_block"


def _depth(shape: Shape, attention: str) -> int:
    name = attention + ".transformer_blocks.{}.norm1.weight"
    return next(depth for depth in count() if not shape(name.format(depth)))


def vae_config(shape: Shape) -> dict[str, Any]:
    """Of an AutoencoderKL."""
    levels = next(level for level in count() if not shape(f"encoder.down.{level}.block.0.conv1.weight"))
    layers = next(index for index in count() if not shape(f"encoder.down.0.block.{index}.conv1.weight"))
    return {
        "in_channels": _known(shape, "encoder.conv_in.weight")[1],
        "out_channels": _known(shape, "decoder.conv_out.weight")[0],
        "latent_channels": _known(shape, "decoder.conv_in.weight")[1],
        "block_out_channels": [
            _known(shape, f"encoder.down.{level}.block.0.conv1.weight")[0] for level in range(levels)
        ],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": layers,
        "mid_block_add_attention": shape("encoder.mid.attn_1.q.weight") is not None,
        "use_quant_conv": shape("quant_conv.weight") is not None,
        "use_post_quant_conv": shape("post_quant_conv.weight") is not None,
    }


def clip_config(shape: Shape, cut: int) -> dict[str, Any]:
    """Of a CLIPTextModel or CLIPTextModelWithProjection that is stored with Hugging Face's names.

    The last `cut` layers of the whole tower are left out, whether the file has them or not.
    """
    stem = "text_model." if shape("text_model.final_layer_norm.weight") else ""
    return _text_config(
        shape,
        _known(shape, f"{stem}embeddings.token_embedding.weight"),
        _known(shape, f"{stem}embeddings.position_embedding.weight"),
        stem + "encoder.layers.{}.mlp.fc1.weight",
        cut,
    )


def open_clip_config(shape: Shape, cut: int) -> dict[str, Any]:
    """Of a CLIPTextModel or CLIPTextModelWithProjection stored with OpenCLIP's names.

    The last `cut` layers of the whole tower are left out, whether the file has them or not.
    """
    return _text_config(
        shape,
        _known(shape, "token_embedding.weight"),
        _known(shape, "positional_embedding"),
        "transformer.resblocks.{}.mlp.c_fc.weight",
        cut,
    )


def pooled_width(shape: Shape) -> int | None:
    """How many numbers a text encoder says of a whole prompt; None without a projection."""
    if layer := shape("text_projection.weight"):
        return layer[0]
    matrix = shape("text_projection")  # multiplied from the other side
    return matrix[1] if matrix else None


def _text_config(shape: Shape, words: tuple[int, ...], places: tuple[int, ...], layer: str, cut: int) -> dict[str, Any]:
    stored = next(number for number in count() if not shape(layer.format(number)))
    config = {
        "vocab_size": words[0],
        "hidden_size": words[1],
        "intermediate_size": _known(shape, layer.format(0))[0],
        "num_hidden_layers": min(stored, WHOLE.get(words[1], stored) - cut),
        "num_attention_heads": max(1, words[1] // HEAD),
        "max_position_embeddings": places[0],
    }
    if projection := pooled_width(shape):
        config["projection_dim"] = projection
    return config


def _known(shape: Shape, name: str) -> tuple[int, ...]:
    found = shape(name)
    if found is None:
        raise Unusual(f"the weight {name} is missing")
    return found


def _first(names: Iterable[str]) -> str:
    return next(iter(names))
