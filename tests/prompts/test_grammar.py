"""Texts to trees: that any text has one, quickly, and where mistakes are seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtoolbox.prompts.grammar import Composed, Mistake, Scheduled, Text, Weighted, parse


def test_brackets_nest_and_the_last_number_is_the_weight() -> None:
    assert parse("a (b:c:1.2) [d]").parts == (
        Composed(
            (Text("a "), Weighted((Text("b:c"),), 1.2), Text(" "), Weighted((Text("d"),), 1 / 1.1)),
        ),
    )


def test_a_schedule_keeps_the_colons_of_what_comes_after() -> None:
    assert parse("[a:b:c:8]").parts[0].inside == (Scheduled((Text("a"),), (Text("b:c"),), 8, False),)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("a (b", [(2, "nothing closes this (")]),
        ("a b] c)", [(3, "nothing opened this ]"), (6, "nothing opened this )")]),
        ("(a [b)", [(0, "nothing closes this ("), (3, "nothing closes this ["), (5, "nothing opened this )")]),
        ("(a:)", [(0, "the weight after : is missing")]),
        ("[a:b:1.5]", [(0, "1.5 is not a share of the steps: use 0.0 to 1.0")]),
        ("(a) [b:0.5] [c|d] \\( BREAK e AND f", []),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, mistakes: list[tuple[int, str]]) -> None:
    assert list(parse(text).mistakes) == [Mistake(*mistake) for mistake in mistakes]


HOSTILE = [
    "(" * 10_000,
    "(" * 5_000 + "a" + ")" * 5_000,
    "[a|" * 3_000 + "b" + "]" * 3_000,
    "a:" * 5_000,
    "[:" * 5_000 + "0.5]" * 5_000,
    "\\" * 9_999,
    "A" * 10_000,
    "[a:0.5]" * 1_500,
    "AND" * 3_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_work_grows_with_the_length_and_no_faster(text: str) -> None:
    """Counted, not timed: calls of Python functions for the text and for half of it."""

    def calls(part: str) -> int:
        import sys

        count = 0

        def profile(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(profile)
        try:
            parse(part)
        finally:
            sys.setprofile(None)
        return count

    assert calls(text) < 2.3 * calls(text[: len(text) // 2]) + 200
    assert calls(text) < 40 * len(text)


PIECES = st.sampled_from(["(", ")", "[", "]", ":", "|", "\\", "1.2", "0.5", "7", " AND ", "BREAK", "a", "é", ", "])


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
def test_any_text_has_a_tree(text: str) -> None:
    tree = parse(text)
    assert tree.parts
    assert all(0 <= mistake.position < len(text) for mistake in tree.mistakes)
