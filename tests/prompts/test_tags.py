"""Tags come out whole, everything else stays as it was typed, and no text is slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtoolbox.prompts.tags import take_tags


@pytest.mark.parametrize(
    ("text", "rest", "tags"),
    [
        ("a house <lora:ink>", "a house", ["ink"]),
        ("<lora:ink:0.8> a house", "a house", ["ink:0.8"]),
        ("a <lora:ink:0.8:0.5> house", "a house", ["ink:0.8:0.5"]),
        ("a, <LORA: old ink :1:te=0.5>, b", "a, , b", ["old ink:1:te=0.5"]),
        ("a <lyco:ink:unet=0.8:lbw=1,0.5,0> b", "a b", ["ink:unet=0.8:lbw=1,0.5,0"]),
        ("a\n<lora:x:1>\nb", "a\n\nb", ["x:1"]),
        ("a<lora:x>b", "ab", ["x"]),
        ("<lora:../../x:1>", "", ["../../x:1"]),
        ("<lora:x:1><lora:y:-1>", "", ["x:1", "y:-1"]),
        ("a < b > c <hypernet:x:1> <lora:> <lora:x", "a < b > c <hypernet:x:1> <lora:> <lora:x", []),
        ("  two  spaces  ", "  two  spaces  ", []),
        ("<lora:a\nb>", "<lora:a\nb>", []),
    ],
)
def test_what_is_taken_and_what_stays(text: str, rest: str, tags: list[str]) -> None:
    assert take_tags(text) == (rest, tags)


@given(st.lists(st.sampled_from(["<", ">", "lora:", "lyco:", ":", "a", " ", "\n", "0.5"]), max_size=30))
def test_a_second_time_finds_nothing(text: list[str]) -> None:
    rest, _ = take_tags("".join(text))
    assert take_tags(rest) == (rest, [])


@pytest.mark.parametrize("piece", ["<lora:", "<", ">", "<lora:x>", "<a>", "<lora:x:"])
def test_long_texts_are_quick(piece: str) -> None:
    text = piece * (100_000 // len(piece)) + ">" * 1000
    start = time.thread_time()
    take_tags(text)
    assert time.thread_time() - start < 2
