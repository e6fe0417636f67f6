"""What is said below a prompt: tokens as the encoder counts them, weights, mistakes at their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.prompts.styles import Style
from sdtoolbox.registered import PromptSyntaxInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.counting import counting_functions
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.style_shelf import style_functions

Count = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    with Toolbox.open(Settings(home=home, model_folders=(tiny_models,))) as toolbox:
        (toolbox.settings.wildcards / "colour.txt").write_text("red\n")
        toolbox.styles.add([Style("Snow", "{prompt}, the snow", "snow", {"steps": "9"}), Style("Ink", "ink")])
        yield toolbox


@pytest.fixture
def count(toolbox: Toolbox) -> Count:
    checkpoint = toolbox.catalog.find("tiny").id
    (function,) = counting_functions(toolbox)
    return lambda text, **more: function({"text": text, "checkpoint": checkpoint} | more)


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("", [0]),
        ("a red house", [3]),
        ("a (red:1.2) house", [3]),
        ("a house BREAK the snow", [2, 2]),
        ("a red house AND a snow", [3]),
        ("snow " * 80, [75, 5]),
        ("a red house, " * 20, [72, 8]),
        ("a [red:big red:0.5] house", [4]),
        ("# a comment\na house # another", [2]),
        ("<lora:x:1> a house", [2]),
    ],
)
def test_tokens_of_each_chunk(count: Count, text: str, chunks: list[int]) -> None:
    assert count(text)["chunks"] == chunks


def test_styles_count_and_choices_are_about(count: Count) -> None:
    assert count("a house", styles=["Snow"])["chunks"] == [5]
    assert count("a house", styles=["Snow"], field="negative_prompt")["chunks"] == [4]
    open_one = count("a __colour__ {house|snow}")
    assert (open_one["chunks"], open_one["about"]) == ([3], True)


def test_words_that_a_prompt_syntax_stands_for_are_counted(count: Count, toolbox: Toolbox) -> None:
    def rewrite(text: str) -> str:
        return text.replace(":-", "a {red|red} house")

    before = toolbox.registries.prompt_syntaxes.copied()
    toolbox.registries.prompt_syntaxes.add(Entry("dashes", "Dashes", "mine", PromptSyntaxInfo(rewrite)))
    try:
        assert count(":- # :-")["chunks"] == [3]
        bad = Entry("bad", "Bad", "mine", PromptSyntaxInfo(lambda text: f"{text}!"))
        toolbox.registries.prompt_syntaxes.add(bad)
        (mistake,) = count("a house")["mistakes"]
        assert mistake["text"].startswith("The prompt syntax Bad of mine changes what was rewritten already")
    finally:
        toolbox.registries.prompt_syntaxes = before


def test_marks_say_what_counts_how_and_when(count: Count) -> None:
    marks = [
        (one["kind"], one["words"], one["value"]) for one in count("((a)) [b:c:0.3] [d:4] [e|f] AND g :0.5")["marks"]
    ]
    assert marks == [
        ("weight", "a", 1.21),
        ("until", "b", "30%"),
        ("from", "c", "30%"),
        ("from", "d", "4"),
        ("turns", "e | f", None),
        ("and", "g", 0.5),
    ]


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("a (b", 2, "Nothing closes this ("),
        ("# (\na ]", 6, "Nothing opened this ]"),
        ("a {b|", 2, "Nothing closes this {"),
        ("(a:200)", None, "the weight of 'a' is 200"),
        ("__none__", None, "There are: colour."),
    ],
)
def test_mistakes_are_named_at_their_place(count: Count, text: str, position: int | None, said: str) -> None:
    mistake = count(text)["mistakes"][0]
    assert mistake["position"] == position
    assert said in mistake["text"]


@pytest.mark.parametrize("asked", [None, 3, {}, {"text": 5}, {"text": "a", "checkpoint": "no"}, {"styles": "x"}])
def test_whatever_a_browser_sends_has_an_answer(toolbox: Toolbox, asked: Any) -> None:
    (function,) = counting_functions(toolbox)
    assert function(asked)["size"] == 75


def test_the_picker_of_styles_says_what_each_does(toolbox: Toolbox) -> None:
    (find,) = style_functions(Txt2Img, toolbox, Texts("en"))
    options = find({"text": "", "chosen": ["Ink"]})["options"]
    assert [option["id"] for option in options] == ["Snow"]
    assert options[0]["remark"] == "{prompt}, the snow · − snow · Steps 9"
    assert [option["id"] for option in find({"text": "INK"})["options"]] == ["Ink"]
    assert find(None)["more"] == 0


def test_a_broken_file_of_styles_is_said_in_the_list(toolbox: Toolbox) -> None:
    kept = toolbox.settings.styles.read_text()
    toolbox.settings.styles.write_text("nonsense")
    try:
        (find,) = style_functions(Txt2Img, toolbox, Texts("en"))
        assert "columns name, prompt" in find({})["options"][0]["refused"]
    finally:
        toolbox.settings.styles.write_text(kept)
