"""The A1111 text: exact output, round trips, other people's dialects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtoolbox.builtin import load_all
from sdtoolbox.images.dialects.a1111 import split
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.images.reading import parse_parameters
from sdtoolbox.prompts.tags import take_tags
from sdtoolbox.schema.adapters import short_form
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings

REGISTRIES = load_all(Settings(safe_mode=True))[0].by_name()
CHECKPOINT = {"name": "storybook", "sha256": "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa"}
REQUEST = Txt2Img(
    prompt="a red house",
    checkpoint="x",
    width=512,
    height=768,
    steps=20,
    sampler="dpmpp_2m",
    schedule="karras",
    guidance_scale=7.0,
    seed=123,
)


def text_of(request: Txt2Img, seed: int = 123, index: int = 0) -> str:
    return parameters_text(request, seed=seed, index=index, checkpoint=CHECKPOINT, registries=REGISTRIES)


def test_text_is_what_a1111_writes() -> None:
    assert text_of(REQUEST).splitlines() == [
        "a red house",
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 123, Size: 512x768, "
        "Model hash: 6ce0161689, Model: storybook, Version: sdtoolbox 0.1.0",
    ]


def test_negative_prompt_has_a_line_of_its_own_and_is_left_out_when_empty() -> None:
    with_negative = REQUEST.model_copy(update={"negative_prompt": "rain,\nfog"})
    assert "\nNegative prompt: rain,\nfog\nSteps: 20" in text_of(with_negative)
    assert "Negative prompt" not in text_of(REQUEST)


def test_a_picture_of_a_batch_names_its_own_seed_and_place() -> None:
    text = text_of(REQUEST.model_copy(update={"batch_size": 4}), seed=125, index=2)
    assert "Seed: 125" in text
    assert "Batch size: 4, Batch pos: 2" in text


def test_values_with_commas_and_colons_are_quoted_and_come_back() -> None:
    odd = {"name": 'my "best": model, v2', "sha256": "0" * 64}
    text = parameters_text(REQUEST, seed=1, index=0, checkpoint=odd, registries=REGISTRIES)
    assert parse_parameters(text, Txt2Img, REGISTRIES).values["checkpoint"] == odd["name"]


@given(
    prompt=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60).map(str.strip),
    steps=st.integers(1, 1000),
    guidance=st.floats(0, 100),
    seed=st.integers(0, 2**53 - 1),
    width=st.integers(16, 4096),
)
def test_what_is_written_is_read_again(prompt: str, steps: int, guidance: float, seed: int, width: int) -> None:
    if "Negative prompt:" in prompt:
        return
    changes = {"prompt": prompt, "steps": steps, "guidance_scale": guidance, "seed": seed, "width": width}
    request = Txt2Img.parse(REQUEST.model_dump() | changes)
    reading = parse_parameters(text_of(request, seed), Txt2Img, REGISTRIES)
    values = reading.values
    assert Txt2Img.parse(values).model_dump(include={"steps", "guidance_scale", "seed", "width", "height"}) == (
        request.model_dump(include={"steps", "guidance_scale", "seed", "width", "height"})
    )
    assert values["prompt"] == request.prompt.strip()
    assert values["sampler"] == "DPM++ 2M"
    assert list(reading.rest) == ["Model hash", "Version"]


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("DPM++ 2M Karras", {"sampler": "DPM++ 2M", "schedule": "Karras"}),
        ("Euler a", {"sampler": "Euler a"}),
        ("Undefined", {}),
        ("Nobody Knows Karras", {"sampler": "Nobody Knows Karras"}),
    ],
)
def test_old_sampler_names(sampler: str, expected: dict[str, str]) -> None:
    text = f"a cat\nSteps: 5, Sampler: {sampler}, Seed: 1, Size: 64x64"
    values = parse_parameters(text, Txt2Img, REGISTRIES).values
    assert {key: values[key] for key in ("sampler", "schedule") if key in values} == expected


def test_a_line_with_two_pairs_is_prompt() -> None:
    assert split("a cat\nmood: calm, light: soft") == ("a cat\nmood: calm, light: soft", "", {})


VAE = {"name": "soft, v2", "sha256": "c" * 64}
ADAPTERS = {
    "1" * 32: {"name": "ink", "autov3": "a" * 64},
    "2" * 32: {"name": "old: style", "autov3": "b" * 64},
}


def adapted() -> str:
    adapters = ("1" * 32 + ":0.8", "2" * 32 + ":1:0.123456789:lbw=down=1,up=0")
    request = Txt2Img.parse(REQUEST.model_dump() | {"adapters": adapters, "vae": "x"})
    return parameters_text(
        request, seed=1, index=0, checkpoint=CHECKPOINT, registries=REGISTRIES, vae=VAE, adapters=ADAPTERS
    )


def test_adapters_stand_behind_the_prompt_and_their_hashes_in_the_line() -> None:
    first, line = adapted().splitlines()
    # A name that no tag can hold is written as its id.
    assert first == f"a red house <lora:ink:0.8> <lora:{'2' * 32}:0.123456789:1:lbw=down=1,up=0>"
    assert 'VAE hash: cccccccccc, VAE: "soft, v2"' in line
    assert f'Lora hashes: "ink: {"a" * 12}, old: style: {"b" * 12}"' in line


def test_adapters_are_read_again() -> None:
    reading = parse_parameters(adapted(), Txt2Img, REGISTRIES)
    values = reading.values
    prompt, tags = take_tags(values["prompt"])
    assert prompt == "a red house"
    again = Txt2Img(adapters=[short_form(tag) for tag in tags]).adapters  # type: ignore[arg-type]
    assert [(one.weight, one.on_text, one.blocks) for one in again] == [
        (0.8, 0.8, ""),
        (1.0, 0.123456789, "down=1,up=0"),
    ]
    assert values["vae"] == "soft, v2"
    assert list(reading.rest) == ["Model hash", "VAE hash", "Lora hashes", "Version"]


@pytest.mark.parametrize("said", ["None", "Automatic"])
def test_the_checkpoints_own_vae_is_no_value(said: str) -> None:
    text = f"a cat\nSteps: 5, VAE: {said}, Seed: 1, Size: 64x64"
    values = parse_parameters(text, Txt2Img, REGISTRIES).values
    assert "vae" not in values
