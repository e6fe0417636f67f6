"""docs/prompts.md is held true: every example means what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.prompts.choices import Odometer
from sdtoolbox.prompts.dynamic import expand
from sdtoolbox.prompts.plan import Words, plan
from sdtoolbox.prompts.styles import Style, read_styles
from sdtoolbox.prompts.tags import take_tags
from sdtoolbox.prompts.wildcards import Wildcards

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text("utf-8")
STEPS = 10


def examples() -> list[str]:
    """The first column of every table."""
    rows = re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)
    return [row.replace(r"\|", "|") for row in rows]


def spans(words: Words) -> list[list[Any]]:
    """Each group as its texts, those with a weight as (text, weight)."""
    return [[(s.text, round(s.weight, 3)) if s.weight != 1 else s.text for s in group] for group in words]


def meant(text: str) -> list[tuple[float, dict[int, list[list[Any]]]]]:
    """For each part its weight, and its words by the step from which they hold."""
    return [(part.weight, {s.first: spans(s.words) for s in part.stretches}) for part in plan(text, STEPS)]


def always(*groups: list[Any]) -> list[Any]:
    return [(1.0, {0: list(groups)})]


PLANS = {
    "(red) house": always([("red", 1.1), " house"]),
    "((red)) house": always([("red", 1.21), " house"]),
    "(red:1.4) house": always([("red", 1.4), " house"]),
    "[red] house": always([("red", 0.909), " house"]),
    "(a (red:1.2) house:0.8)": always([("a ", 0.8), ("red", 0.96), (" house", 0.8)]),
    r"a \(red\) house": always(["a (red) house"]),
    "a [house:tree:0.3]": [(1.0, {0: [["a house"]], 3: [["a tree"]]})],
    "a [house:tree:4]": [(1.0, {0: [["a house"]], 4: [["a tree"]]})],
    "a [red:0.5] house": [(1.0, {0: [["a  house"]], 5: [["a red house"]]})],
    "a [red::0.5] house": [(1.0, {0: [["a red house"]], 5: [["a  house"]]})],
    "a [cat|dog]": [(1.0, {i: [["a dog" if i % 2 else "a cat"]] for i in range(STEPS)})],
    "a house, a tree": always(["a house, a tree"]),
    "a house BREAK a tree": always(["a house "], [" a tree"]),
    "a house AND a tree": [(1.0, {0: [["a house "]]}), (1.0, {0: [[" a tree"]]})],
    "a house AND a tree :0.5": [(1.0, {0: [["a house "]]}), (0.5, {0: [[" a tree "]]})],
    "a house, cosy": always(["a house, cosy"]),
}
OPEN = {
    "a {red|blue} house": ["a red house", "a blue house"],
    "{2$$red|blue|green}": ["red, blue", "red, green", "blue, green"],
    "{1-2$$ and $$red|blue}": ["red", "blue", "red and blue"],
    "{3::red|blue} house": ["red house", "blue house"],
    "a __colour__ house": ["a red house", "a blue house"],
    "a __animals/*__": ["a cat", "a raven"],
}
TAGS = {"a house <lora:risograph:0.8>": ("a house", ["risograph:0.8"])}


def test_every_example_is_held_here() -> None:
    assert examples() == [*[*PLANS][:15], *TAGS, *[*PLANS][15:], *OPEN]


@pytest.mark.parametrize("text", PLANS)
def test_what_prompts_mean(text: str) -> None:
    assert meant(text) == PLANS[text]


@pytest.mark.parametrize("text", TAGS)
def test_tags(text: str) -> None:
    assert take_tags(text) == TAGS[text]


@pytest.mark.parametrize("text", OPEN)
def test_what_is_left_open(text: str, tmp_path: Path) -> None:
    (tmp_path / "animals").mkdir()
    (tmp_path / "colour.txt").write_text("red\nblue\n")
    (tmp_path / "animals" / "a.txt").write_text("cat\n")
    (tmp_path / "animals" / "b.txt").write_text("raven\n")
    odometer, found = Odometer(), []
    while True:
        found.append(expand(text, odometer, Wildcards(tmp_path)))
        if not odometer.turn():
            break
    assert sorted(found) == sorted(OPEN[text])


def test_the_file_of_styles() -> None:
    (csv,) = re.findall(r"```csv\n(.+?)```", PAGE, re.DOTALL)
    settings = {"steps": "30", "sampler": "Euler a"}
    assert read_styles(csv) == [Style("Film", "{prompt}, film grain", "blurry", settings)]
