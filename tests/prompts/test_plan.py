"""Every construct of the prompt language: text to plan."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.plan import Part, Words, check, plan
from tests.prompts.test_grammar import HOSTILE, PIECES

STEPS = 10
Flat = list[Any]


def flat(words: Words) -> Flat:
    """Groups of (text, weight), the weight left out where it is 1."""
    return [[s.text if s.weight == 1 else (s.text, round(s.weight, 4)) for s in group] for group in words]


def shown(part: Part) -> list[tuple[int, int, Flat]]:
    return [(stretch.first, stretch.end, flat(stretch.words)) for stretch in part.stretches]


WEIGHTS = {
    "a cat": [["a cat"]],
    "": [[]],
    "(cat)": [[("cat", 1.1)]],
    "((cat))": [[("cat", 1.21)]],
    "[cat]": [[("cat", 0.9091)]],
    "(cat:1.5)": [[("cat", 1.5)]],
    "(cat:-.5)": [[("cat", -0.5)]],
    "(a (big) cat:2)": [[("a ", 2.0), ("big", 2.2), (" cat", 2.0)]],
    "([cat])": [["cat"]],
    r"\(cat\) \[a\] 1\:2 \n": [[r"(cat) [a] 1:2 \n"]],
    "a:b|c": [["a:b|c"]],
    "(a:b:1.2)": [[("a:b", 1.2)]],
    "(a:b)": [[("a:b", 1.1)]],
    "[a:b]": [[("a:b", 0.9091)]],
    "()[]": [[]],
    "(cat": [[("cat", 1.1)]],
    "a ((b [c": [["a ", ("b ", 1.21), ("c", 1.1)]],
    "cat)]": [["cat)]"]],
    "a BREAK b": [["a "], [" b"]],
    "(a BREAK b:1.3)": [[("a ", 1.3)], [(" b", 1.3)]],
    "ANDROID BREAKFAST": [["ANDROID BREAKFAST"]],
}


@pytest.mark.parametrize("text", WEIGHTS)
def test_weights_and_breaks(text: str) -> None:
    (part,) = plan(text, STEPS)
    assert shown(part) == [(0, STEPS, WEIGHTS[text])]


SCHEDULES = {
    "[a:b:0.3]": [(0, 3, [["a"]]), (3, 10, [["b"]])],
    "[a:b:4]": [(0, 4, [["a"]]), (4, 10, [["b"]])],
    "[b:0.5]": [(0, 5, [[]]), (5, 10, [["b"]])],
    "[a::2]": [(0, 2, [["a"]]), (2, 10, [[]])],
    "[a:b: 0.3 ]": [(0, 3, [["a"]]), (3, 10, [["b"]])],
    "[a:b:0.0]": [(0, 10, [["b"]])],
    "[a:b:1.0]": [(0, 10, [["a"]])],
    "[a:b:99]": [(0, 10, [["a"]])],
    "[a:[b:c:6]:3]": [(0, 3, [["a"]]), (3, 6, [["b"]]), (6, 10, [["c"]])],
    "x [(a:1.2):b:5]": [(0, 5, [["x ", ("a", 1.2)]]), (5, 10, [["x b"]])],
    "([a:b:5]:1.2)": [(0, 5, [[("a", 1.2)]]), (5, 10, [[("b", 1.2)]])],
    "[a:a:5]": [(0, 10, [["a"]])],
}


@pytest.mark.parametrize("text", SCHEDULES)
def test_schedules(text: str) -> None:
    (part,) = plan(text, STEPS)
    assert shown(part) == SCHEDULES[text]


def test_alternation_goes_round_step_by_step() -> None:
    (part,) = plan("a [b|(c:1.2)|]", 4)
    assert [flat(part.at(step)) for step in range(6)] == [
        [["a b"]],
        [["a ", ("c", 1.2)]],
        [["a "]],
        [["a b"]],
        [["a b"]],  # after the end it stays as it was
        [["a b"]],
    ]


def test_and_joins_prompts_with_weights() -> None:
    parts = plan("a (b) AND c :0.5 AND [d:e:0.5]:-1 AND f", STEPS)
    assert [part.weight for part in parts] == [1, 0.5, -1, 1]
    assert shown(parts[0]) == [(0, 10, [["a ", ("b", 1.1), " "]])]
    assert shown(parts[1]) == [(0, 10, [[" c "]])]
    assert shown(parts[2]) == [(0, 5, [[" d"]]), (5, 10, [[" e"]])]


@pytest.mark.parametrize("text", ["(cat:101)", "(" * 60 + "cat" + ")" * 60, "(cat:-200)", "cat AND dog :1000"])
def test_absurd_weights_are_an_error_at_the_field(text: str) -> None:
    with pytest.raises(UserError) as caught:
        plan(text, STEPS, "negative_prompt")
    assert (caught.value.code, caught.value.field) == ("PARAM_INVALID", "negative_prompt")
    assert "Allowed is -100 to 100" in caught.value.hint


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)), st.integers(1, 40))
def test_any_text_has_a_plan_without_a_gap_or_a_clear_error(text: str, steps: int) -> None:
    try:
        parts = plan(text, steps)
    except UserError:
        assume(False)
    for part in parts:
        assert part.stretches[0].first == 0
        assert part.stretches[-1].end == steps
        assert all(a.end == b.first for a, b in pairwise(part.stretches))
        assert all(a.words != b.words for a, b in pairwise(part.stretches))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_hostile_texts_have_a_plan_or_a_clear_error(text: str) -> None:
    with suppress(UserError):
        assert plan(text, 3)


def test_in_a_negative_prompt_and_is_a_word() -> None:
    (part,) = plan("a AND (b) :0.5", STEPS, "negative_prompt", composes=False)
    assert part.weight == 1
    assert shown(part) == [(0, 10, [["a AND ", ("b", 1.1), " :0.5"]])]


@pytest.mark.parametrize(
    "text", ["(cat:101)", "[a:(b:-200):5]", "[a|[b|(c:101)]]", "(" * 60 + "a", "a AND b :1e3", "x"]
)
@pytest.mark.parametrize("composes", [True, False])
def test_a_check_finds_what_a_plan_would_refuse(text: str, composes: bool) -> None:
    def refusal(act: object) -> str:
        try:
            act()  # type: ignore[operator]
        except UserError as error:
            return str(error)
        return ""

    planned = refusal(lambda: plan(text, 20, composes=composes))
    assert refusal(lambda: check(text, composes=composes)) == planned
