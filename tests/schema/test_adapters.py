from __future__ import annotations

import pytest

from sdtoolbox.schema.adapters import Adapter, short_form
from sdtoolbox.schema.txt2img import Txt2Img


@pytest.mark.parametrize(
    ("tag", "network", "text", "blocks"),
    [
        ("ink", 1, 1, ""),
        ("ink:0.8", 0.8, 0.8, ""),
        ("ink:0.5:0.8", 0.8, 0.5, ""),
        ("ink: 0.5 : 0.8 ", 0.8, 0.5, ""),
        ("ink:te=0.5", 0.5, 0.5, ""),
        ("ink:unet=0.8", 0.8, 1, ""),
        ("ink:te=0.5:unet=0.8", 0.8, 0.5, ""),
        ("ink:0.2:unet=0.8", 0.8, 0.2, ""),
        ("ink:0.2:0.3:te=0.5", 0.3, 0.5, ""),
        ("ink:0.5:lbw=down=1,up=0", 0.5, 0.5, "down=1,up=0"),
        ("ink:1:1:OUT05=0", 1, 1, "OUT05=0"),
    ],
)
def test_a_tag_means_what_it_means_in_a1111(tag: str, network: float, text: float, blocks: str) -> None:
    (adapter,) = Txt2Img(adapters=(short_form(tag),)).adapters  # type: ignore[arg-type]
    assert (adapter.adapter, adapter.weight, adapter.on_text, adapter.blocks) == ("ink", network, text, blocks)


@pytest.mark.parametrize(
    ("short", "tag"),
    [("ink:0.8", "<lora:ink:0.8>"), ("ink:0.8:0.5:lbw=mid=0", "<lora:ink:0.5:0.8:lbw=mid=0>"), ("ink", "<lora:ink:1>")],
)
def test_what_is_written_is_read_as_it_was(short: str, tag: str) -> None:
    (adapter,) = Txt2Img(adapters=(short,)).adapters  # type: ignore[arg-type]
    assert adapter.tag() == tag
    (again,) = Txt2Img(adapters=(short_form(tag[6:-1]),)).adapters  # type: ignore[arg-type]
    assert again == Adapter(**adapter.model_dump() | {"text_weight": adapter.on_text})
