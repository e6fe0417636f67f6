"""Prompt syntaxes of extensions: rewritten once, stored in plain words, drawn again without the extension."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.images.opening import open_picture
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.registered import PromptSyntaxInfo
from sdtoolbox.registry import Entry
from sdtoolbox.replay import replay
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.rewriting import Rewriting
from sdtoolbox.tasks.wordings import _check_rewritten
from sdtoolbox.testing import fake_toolbox
from sdtoolbox.toolbox import Toolbox

FACES = {":)": "a smiling face", ":(": "a crying face", ":?": "{red|blue}", ":w": "__faces__", ":l": "<lora:none:1>"}


def faces(text: str) -> str:
    """Writes faces in words."""
    for sign, words in FACES.items():
        text = text.replace(sign, words)
    return text


def register(ext: Extension) -> None:
    ext.prompt_syntax(faces, label="Faces")


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    folder = tmp_path / "home" / "wildcards"
    folder.mkdir(parents=True)
    (folder / "faces.txt").write_text(":)\n:(\n")
    (folder / "more.txt").write_text(":w and :?\n")
    with fake_toolbox(register, home=tmp_path / "home") as opened:
        yield opened


def rewriting(*functions: Callable[[str], Any]) -> Rewriting:
    return Rewriting(
        Entry(f"f{i}", f"Syntax {i}", "mine", PromptSyntaxInfo(function)) for i, function in enumerate(functions)
    )


def test_it_registers_with_its_help() -> None:
    extension = Extension("mine")
    register(extension)
    ((kind, entry),) = extension.draft
    assert (kind, entry.id, entry.label, entry.value.help) == (
        "prompt_syntaxes",
        "faces",
        "Faces",
        "Writes faces in words.",
    )
    with pytest.raises(TypeError, match=r"prompt syntax two does not take \(text\)"):
        extension.prompt_syntax(two)


def two(text: str, other: str) -> str:
    return text + other


def test_a_picture_is_that_of_the_words_and_is_drawn_again_without_the_extension(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt=":), old", negative_prompt=":(", seed=3)
    words = toolbox.run("txt2img", prompt="a smiling face, old", negative_prompt="a crying face", seed=3)
    plain = toolbox.run("txt2img", prompt="a house, old", negative_prompt="a crying face", seed=3)
    assert result.pictures[0].id == words.pictures[0].id != plain.pictures[0].id
    assert (result.request["prompt"], result.request["negative_prompt"]) == ("a smiling face, old", "a crying face")
    path = toolbox.picture_path(result.pictures[0].id)
    pixels = open_picture(path).tobytes()
    with fake_toolbox() as other:
        again = other.run_request(Txt2Img.parse(result.request))
        assert open_picture(other.picture_path(again.pictures[0].id)).tobytes() == pixels
    assert replay(path, toolbox).identical


def test_all_prompts_are_rewritten_before_choices_are_decided_and_what_these_bring_after(toolbox: Toolbox) -> None:
    def resolved(**values: Any) -> Txt2Img:
        once = toolbox.resolve(Txt2Img.parse(values))
        assert toolbox.resolve(once) == once
        return once

    assert resolved(prompt="{:)|:)} {a|a}", seed=1).prompt == "a smiling face a"
    hires = resolved(prompt="x", hires=True, hires_prompt=":)", hires_negative_prompt=":(")
    assert (hires.hires_prompt, hires.hires_negative_prompt) == ("a smiling face", "a crying face")
    assert {resolved(prompt="a :? cat", seed=seed).prompt for seed in range(9)} == {"a red cat", "a blue cat"}
    ends = {"a smiling face", "a crying face"}
    assert {resolved(prompt=":w", seed=seed).prompt for seed in range(9)} == ends
    wanted = {f"{face} and {colour}" for face in ends for colour in ("red", "blue")}
    assert {resolved(prompt="__more__", seed=seed).prompt for seed in range(40)} == wanted
    every = resolved(prompt="__more__", combinatorial=True)
    assert {batch.request.prompt for batch in diffusion.batches(every)} == wanted
    assert every.batch_count == 4


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda text: text + "!", r"changes what was rewritten already, 'a house!' to 'a house!!'"),
        (lambda text: 1 / 0, r"raised ZeroDivisionError: division by zero"),
        (lambda text: None, r"gave NoneType instead of text"),
        (lambda text: "a\0", r"gave text that none may be: holds a NUL character"),
        (lambda text: "a" * 100_001, r"gave text that none may be: String should have at most 100000 characters"),
        (lambda text: "{a|b}", r"leaves something open, however often it is decided"),
    ],
)
def test_one_that_misbehaves_is_named(function: Callable[[str], Any], said: str) -> None:
    function.__name__ = "bad"
    with fake_toolbox(lambda ext: ext.prompt_syntax(function, label="Bad")) as toolbox:
        with pytest.raises(UserError, match=rf"the prompt syntax Bad of \w+ {said}") as caught:
            toolbox.submit(toolbox.parse("txt2img", {"prompt": "a house"}))
        assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "prompt")


def test_they_follow_one_another_and_must_leave_each_others_words_alone() -> None:
    swapped = rewriting(lambda text: text.replace("a", "b"), lambda text: text.replace("b", "c"))
    assert swapped("a b c", "prompt") == "c c c"
    circle = rewriting(lambda text: text.replace("a", "b"), lambda text: text.replace("b", "a"))
    with pytest.raises(UserError, match="Syntax 0 of mine changes what was rewritten already, 'a' to 'b'"):
        circle("b", "prompt")


def test_comments_are_gone_before_and_tags_after_and_then_a_text_is_looked_at_again() -> None:
    def first(text: str) -> str:
        return f"z{text[2:]}" if text.startswith("xy") else text

    with fake_toolbox(lambda ext: ext.prompt_syntax(first)) as toolbox:
        assert toolbox.resolve(Txt2Img(prompt="# xy\nxy")).prompt == "z"
    problems: list[UserError] = []
    _check_rewritten([{"prompt": "z"}, {"prompt": "xy"}, {"prompt": "xyz"}], rewriting(first), problems)
    assert [str(problem).partition(".")[0] for problem in problems] == [
        "the prompt syntax Syntax 0 of mine changes what was rewritten already, 'xy' to 'z'"
    ]


def test_an_authors_own_refusal_is_passed_on() -> None:
    def refuse(text: str) -> str:
        raise UserError("PARAM_INVALID", "no emoji here.", "Write words.", "prompt")

    with pytest.raises(UserError, match="no emoji here"):
        rewriting(refuse)("a", "prompt")


def test_without_any_nothing_is_touched() -> None:
    none = rewriting()
    assert none("a\0 :)", "prompt") == "a\0 :)"
    assert none.decided("a {b}", lambda weights, amount: [0], Wildcards(None), "prompt") == "a b"
