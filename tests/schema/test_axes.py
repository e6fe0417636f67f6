"""The grammar of an axis: every form to its values, every mistake to its place, any text at all in linear time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdtoolbox.schema.axes import MOST_VALUES, AxisError, Kind, parse_axis


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("10, 20,30", "whole", [10, 20, 30]),
        ("1-5", "whole", [1, 2, 3, 4, 5]),
        ("1-10 (+2)", "whole", [1, 3, 5, 7, 9]),
        ("1-10(+3), 50", "whole", [1, 4, 7, 10, 50]),
        ("1-10 [5]", "whole", [1, 3, 6, 8, 10]),
        ("5-1", "whole", [5, 4, 3, 2, 1]),
        ("10-1 (-3)", "whole", [10, 7, 4, 1]),
        ("-3--1", "whole", [-3, -2, -1]),
        ("-1", "whole", [-1]),
        ("7-7", "whole", [7]),
        ("3-9 [1]", "whole", [3]),
        ("1-2 (+0.25)", "real", [1.0, 1.25, 1.5, 1.75, 2.0]),
        ("0-1 (+0.1)", "real", [round(0.1 * i, 1) for i in range(11)]),
        ("0-1 [5]", "real", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("1-2.5", "real", [1.0, 2.0]),
        (".5, 1., 1e-2", "real", [0.5, 1.0, 0.01]),
        ("1\n2\n\n3,", "whole", [1, 2, 3]),
        ("Euler a, DPM++ 2M", "text", ["Euler a", "DPM++ 2M"]),
        ('"a, b", c, "d ""e"" f", ""', "text", ["a, b", "c", 'd "e" f', ""]),
        ('"two\nlines", 1-5', "text", ["two\nlines", "1-5"]),
        ("true, no", "flag", [True, False]),
    ],
)
def test_forms(text: str, kind: Kind, values: list[Any]) -> None:
    assert parse_axis(text, kind) == values


@pytest.mark.parametrize(
    ("text", "kind", "at", "said"),
    [
        ("", "whole", 0, "no values"),
        ("10, x", "whole", 4, "'x' is not a number"),
        ("10, 1.5", "whole", 4, "not whole"),
        ("1-10 (+0)", "whole", 0, "do not lead"),
        ("1-10 (-1)", "whole", 0, "do not lead"),
        ("1-10 [0]", "whole", 0, "at least one"),
        ("5, 1-1000000000", "whole", 3, f"more than {MOST_VALUES}"),
        ("0-1 [99999]", "real", 0, f"more than {MOST_VALUES}"),
        ("1e999", "real", 0, "not a number"),
        ("nan", "real", 0, "not a number"),
        ('a, "b', "text", 3, "not closed"),
        ('"a" b', "text", 4, "comma is missing"),
        ("maybe", "flag", 0, "neither true nor false"),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, kind: Kind, at: int, said: str) -> None:
    with pytest.raises(AxisError, match=said.replace("'", ".")) as caught:
        parse_axis(text, kind)
    assert caught.value.at == at


@given(
    text=st.text(st.sampled_from('0123456789-+.,()[]e" \nax'), max_size=40),
    kind=st.sampled_from(["whole", "real", "flag", "text"]),
)
def test_any_text_gives_values_or_a_place(text: str, kind: Kind) -> None:
    try:
        values = parse_axis(text, kind)
    except AxisError as error:
        place, values = error.at, [0]
    else:
        place = 0
    assert 0 <= place <= len(text)
    assert 0 < len(values) <= MOST_VALUES


@pytest.mark.parametrize(
    "text", ["1" * 100_000, "-" * 100_000, " " * 100_000, '"' * 99_999, "1-" * 50_000, "1 " * 50_000]
)
def test_long_texts_take_linear_time(text: str) -> None:
    started = time.thread_time()
    for kind in ("whole", "text"):
        try:
            parse_axis(text, kind)  # type: ignore[arg-type]
        except AxisError:
            pass
    assert time.thread_time() - started < 1
