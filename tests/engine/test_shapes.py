from __future__ import annotations

import pytest

from sdtoolbox.engine.shapes import Shape, open_clip_config


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
