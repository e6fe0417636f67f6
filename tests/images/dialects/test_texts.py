"""What programs write into pictures is read as the request that drew them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtoolbox.builtin import load_all
from sdtoolbox.images import dialects
from sdtoolbox.images.dialects import a1111, novelai
from sdtoolbox.images.reading import parse_parameters, read_said
from sdtoolbox.schema.requests import control_of
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from tests.images.dialects.texts import A1111, COMFYUI, FOOOCUS, INVOKEAI, NOVELAI, Row

REGISTRIES = load_all(Settings(safe_mode=True))[0].by_name()


def test_there_are_forty() -> None:
    assert len(A1111) >= 40


@pytest.mark.parametrize("row", A1111, ids=lambda row: row.name)
def test_text_is_read_as_its_request(row: Row) -> None:
    assert isinstance(row.texts, str)
    reading = parse_parameters(row.texts, Txt2Img, REGISTRIES)
    assert spoken(reading.values) == row.values
    assert tuple(reading.rest) == row.rest
    Txt2Img.parse(reading.values)


def spoken(values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that a text sets by saying nothing."""
    silent = {name: control_of(Txt2Img, name).absent for name in Txt2Img.model_fields} | {"hires": False}
    return {name: value for name, value in values.items() if value != silent[name] or silent[name] is None}


@pytest.mark.parametrize(
    ("tool", "row"),
    [
        *(("ComfyUI", row) for row in COMFYUI),
        *(("InvokeAI", row) for row in INVOKEAI),
        *(("Fooocus", row) for row in FOOOCUS),
        *(("NovelAI", row) for row in NOVELAI),
    ],
    ids=lambda row: getattr(row, "name", row),
)
def test_texts_of_other_programs(tool: str, row: Row) -> None:
    assert isinstance(row.texts, dict)
    said = dialects.read(row.texts)
    assert said is not None
    assert said.tool == tool
    reading = read_said(said, Txt2Img, REGISTRIES)
    assert spoken(reading.values) == row.values
    assert tuple(reading.rest) == row.rest
    Txt2Img.parse(reading.values)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("invokeai_metadata", "sd-metadata", "Dream", "parameters", "Comment", "prompt", "workflow", "fooocus_scheme")
WORDS = ("image", "model", "loras", "lora", "nodes", "links", "inputs", "class_type", "latent_image", "positive", "uc")
ODD = st.dictionaries(st.sampled_from(KEYS), st.dictionaries(st.sampled_from(WORDS), VALUES).map(json.dumps))


@given(texts=ODD)
@settings(max_examples=150, deadline=None)
def test_values_of_wrong_types_are_read_as_nothing_or_as_something(texts: dict[str, str]) -> None:
    said = dialects.read(texts)
    if said is not None:
        reading = read_said(said, Txt2Img, REGISTRIES)
        assert set(reading.values) <= set(Txt2Img.model_fields)
        assert all(isinstance(words, str) for words in (said.prompt, said.negative, *reading.rest.values()))


@given(nodes=st.dictionaries(st.sampled_from("123456"), st.dictionaries(st.sampled_from(WORDS), VALUES)))
@settings(max_examples=100, deadline=None)
def test_odd_graphs(nodes: dict[str, Any]) -> None:
    graph = {name: {"class_type": "KSampler", "inputs": {"positive": "x"} | node} for name, node in nodes.items()}
    said = dialects.read({"prompt": json.dumps(graph)})
    assert said is None or (said.tool == "ComfyUI" and isinstance(said.prompt, str))


def test_a_graph_that_goes_in_circles_ends() -> None:
    links = {name: [str((i * 7) % 4000), 0] for i, name in enumerate(("model", "positive", "latent_image", "seed"))}
    graph = {
        str(i): {"class_type": "KSampler", "inputs": links | {"model": [str((i + 1) % 4000), 0]}} for i in range(4000)
    }
    assert seconds(lambda: dialects.read({"prompt": json.dumps(graph)})) < 5


HOSTILE = (
    *("a" * 100_000, ":" * 100_000, 'a:"b' * 25_000, "a:[" * 33_000, "a:{1" * 25_000, "," * 99_000 + ":"),
    *("x Steps: 1," * 9_000, "[" * 100_000, "{" * 100_000, "\n" * 100_000, "Negative prompt:" * 6_000, "1::" * 33_000),
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_hostile_texts_take_linear_time(text: str) -> None:
    for key in ("parameters", "Comment", "prompt", "workflow", "Dream", "sd-metadata", "invokeai_metadata"):
        assert seconds(lambda key=key: dialects.read({key: text, "Software": "NovelAI"})) < 2  # type: ignore[misc]
    assert seconds(lambda: novelai.our_weights(text)) < 2


def seconds(function: Callable[[], Any]) -> float:
    started = time.thread_time()
    function()
    return time.thread_time() - started


def test_deep_json_is_nothing() -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    assert all(dialects.read({key: deep}) is None for key in ("invokeai_metadata", "Comment", "prompt"))


@given(text=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_at_all_is_read(text: str) -> None:
    prompt, negative, pairs = a1111.split(text)
    assert pairs or len(prompt) + len(negative) <= len(text)
