"""Dynamic prompts: what each construct becomes, that a second time changes nothing, and that no text is slow."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.choices import Chance, Odometer
from sdtoolbox.prompts.dynamic import LONGEST, expand, read, without_comments
from sdtoolbox.prompts.wildcards import Wildcards

NONE = Wildcards(None)


@pytest.fixture
def wildcards(tmp_path: Path) -> Wildcards:
    (tmp_path / "animals").mkdir()
    (tmp_path / "colour.txt").write_text("\ufeffred\n# no colour\n\n  blue  \n", "utf-8")
    (tmp_path / "animals" / "birds.txt").write_text("{big|small} __Colour__ raven\n")
    (tmp_path / "animals" / "cats.txt").write_text("3::cat\n1::lynx\n")
    (tmp_path / "a.txt").write_text("x __b__\n")
    (tmp_path / "b.txt").write_text("__a__\n")
    (tmp_path / "twice.txt").write_text("__more__ __more__\n")
    for number in range(20):
        (tmp_path / f"grow{number}.txt").write_text(f"__grow{number + 1}__ __grow{number + 1}__")
    (tmp_path / "grow20.txt").write_text("a")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    return Wildcards(tmp_path)


def everything(text: str, wildcards: Wildcards = NONE) -> list[str]:
    """Every way in which a text can be decided."""
    odometer, found = Odometer(), []
    while len(found) < 1000:
        found.append(expand(text, odometer, wildcards))
        if not odometer.turn():
            break
    return found


CHOICES = {
    "a {red|blue} house": ["a red house", "a blue house"],
    "{a|b{1|2}}": ["a", "b1", "b2"],
    "{2$$a|b|c}": ["a, b", "a, c", "b, c"],
    "{1-2$$a|b}": ["a", "b", "a, b"],
    "{0-1$$a}": ["", "a"],
    "{2$$ and $$a|b}": ["a and b"],
    "{9$$a|b}": ["a, b"],
    "{3::a|1.5::b}": ["a", "b"],
    "{a}": ["a"],
    "{}": [""],
    "{a|}": ["a", ""],
    "{[a|b]|(c:1.2)}": ["[a|b]", "(c:1.2)"],
    "[a|b] and |": ["[a|b] and |"],
    r"\{a|b\}": [r"\{a|b\}"],
    "a { b } c }": ["a  b  c \\}"],
    "a { b": ["a { b"],
    "snake_case__x": ["snake_case__x"],
    "<lora:{a|b}:1>": ["<lora:a:1>", "<lora:b:1>"],
    "# all\na # rest\n  # more\n#fff b #1": ["a\n"],
    "a #1 b": ["a #1 b"],
    r"\# a": [r"\# a"],
}


@pytest.mark.parametrize("text", CHOICES)
def test_every_construct(text: str) -> None:
    assert everything(text) == CHOICES[text]


def test_wildcards_nest_and_match_in_any_case(wildcards: Wildcards) -> None:
    assert everything("__COLOUR__", wildcards) == ["red", "blue"]
    assert len(everything("__animals/birds__", wildcards)) == 4
    assert set(everything("__animals/*__", wildcards)) >= {"cat", "lynx", "big red raven"}
    assert wildcards.names()[:4] == ["a", "animals/birds", "animals/cats", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__nothing__", "there is no wildcard __nothing__. There are: a, animals/birds, animals/cats, b, colour"),
        ("__../../etc/passwd__", "there is no wildcard __../../etc/passwd__"),
        ("__empty__", "the wildcard __empty__ has no lines"),
        ("__a__", "in a circle: __a__ → __b__ → __a__"),
        ("__grow0__", "grows too long"),
    ],
)
def test_what_cannot_be_decided_is_an_error_at_the_field(text: str, said: str, wildcards: Wildcards) -> None:
    with pytest.raises(UserError) as caught:
        expand(text, Chance("1"), wildcards, "negative_prompt")
    assert said in str(caught.value)
    assert caught.value.field == "negative_prompt"


def test_a_file_that_was_changed_is_read_again(wildcards: Wildcards, tmp_path: Path) -> None:
    import os

    assert everything("__colour__", wildcards) == ["red", "blue"]
    (tmp_path / "colour.txt").write_text("green\n")
    os.utime(tmp_path / "colour.txt", ns=(1, 1))
    assert everything("__colour__", wildcards) == ["green"]


def test_chance_is_the_seeds_and_follows_the_weights() -> None:
    text = "{3::a|1::b|0::c}"
    found = Counter(expand(text, Chance(str(seed)), NONE) for seed in range(800))
    assert found["c"] == 0
    assert 540 < found["a"] < 660
    assert [expand("{a|b|c|d}", Chance("7"), NONE) for _ in range(3)] == [expand("{a|b|c|d}", Chance("7"), NONE)] * 3
    both = Counter(expand("{2$$a|b|c}", Chance(str(seed)), NONE) for seed in range(300))
    assert set(both) == {"a, b", "a, c", "b, c"} and min(both.values()) > 60


def test_seeds_decide_the_same_on_every_machine() -> None:
    assert [expand("{a|b|c|d|e|f|g|h}", Chance(f"prompt/{seed}"), NONE) for seed in range(8)] == list("dchhgggd")


def test_mistakes_are_named_at_their_place() -> None:
    assert [(one.position, one.message) for one in read("a } {b|{c} d").mistakes] == [
        (2, "nothing opened this }"),
        (4, "nothing closes this {"),
    ]


PIECES = st.sampled_from(
    ["{", "}", "|", "2$$", "1::", "__", "_", "colour", "#", " # ", "\n", "\\", "[", "]", "a", " ", "$$", "__colour__"]
)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=30).map("".join)), st.integers(0, 5))
def test_what_is_decided_stays_as_it_is(text: str, seed: int) -> None:
    with suppress(UserError):
        once = expand(text, Chance(str(seed)), NONE)
        assert expand(once, Chance("other"), NONE) == once
        assert without_comments(once) == once


@pytest.mark.parametrize(
    "piece", ["{", "}", "{a|", "{a|b}", "__", "_a_", "|", "\n# x", " # ", "\\", "[", "{2$$", "{1-2$$x$$", "[|", "#"]
)
def test_work_grows_with_the_length_and_no_faster(piece: str) -> None:
    """Counted, not timed: calls of Python functions for a text and for half of it."""

    def calls(text: str) -> int:
        count = 0

        def profile(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(profile)
        try:
            with suppress(UserError):
                expand(text, Chance("1"), NONE)
        finally:
            sys.setprofile(None)
        return count

    assert calls(piece * 2000) < 2.3 * calls(piece * 1000) + 200


def test_the_longest_result_is_as_long_as_a_prompt_may_be(wildcards: Wildcards, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("a" * 60_000)
    assert len(expand("__long__", Chance("1"), wildcards)) == 60_000
    with pytest.raises(UserError, match=f"At most {LONGEST}"):
        expand("__long__ __long__", Chance("1"), wildcards)
