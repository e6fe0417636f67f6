from __future__ import annotations

from typing import Any

import pytest
import torch

from sdtoolbox.engine.families import UPSCALERS
from sdtoolbox.engine.original_names import unet_names
from sdtoolbox.engine.shapes import Shape, open_clip_config, unet_config


def tower(width: int, layers: int) -> Shape:
    """The shapes of a text tower with OpenCLIP's names."""
    stored = {
        "token_embedding.weight": (49408, width),
        "positional_embedding": (77, width),
        **{f"transformer.resblocks.{n}.mlp.c_fc.weight": (4 * width, width) for n in range(layers)},
    }
    return stored.get


@pytest.mark.parametrize(
    ("width", "stored", "cut", "used"),
    [
        (1024, 24, 1, 23),
        (1024, 23, 1, 23),  # converters leave out the layer that nothing reads
        (1280, 32, 0, 32),
        (48, 4, 1, 3),  # a tower of no known size is taken for whole
    ],
)
def test_the_last_layer_is_left_out_once(width: int, stored: int, cut: int, used: int) -> None:
    config = open_clip_config(tower(width, stored), cut)
    assert (config["num_hidden_layers"], config["hidden_size"]) == (used, width)


def test_the_network_of_the_x4_upscaler_is_told_by_its_shapes() -> None:
    """Its levels, heads and classes are those of the configuration that it was published with."""
    from diffusers import UNet2DConditionModel

    published: dict[str, Any] = {
        "in_channels": 7,
        "block_out_channels": [256, 512, 512, 1024],
        "down_block_types": ["DownBlock2D", *["CrossAttnDownBlock2D"] * 3],
        "up_block_types": [*["CrossAttnUpBlock2D"] * 3, "UpBlock2D"],
        "attention_head_dim": 8,
        "cross_attention_dim": 1024,
        "only_cross_attention": [True, True, True, False],
        "use_linear_projection": True,
        "num_class_embeds": 1000,
    }
    family = UPSCALERS["sd_upscaler"]
    with torch.device("meta"):
        whole = UNet2DConditionModel.from_config(published)
        find = unet_names(whole.config, "")
        shapes = {find(name)[0].name: tuple(weight.shape) for name, weight in whole.named_parameters()}
        made = UNet2DConditionModel.from_config(family.config()["unet"] | unet_config(shapes.get, family))
    assert shapes["label_emb.weight"] == (1000, 1024)
    weights = ({name: weight.shape for name, weight in one.named_parameters()} for one in (whole, made))
    assert next(weights) == next(weights)
    heads = ([m.heads for m in one.modules() if hasattr(m, "heads")] for one in (whole, made))
    assert next(heads) == next(heads)
