"""The prompt language from end to end: typed, drawn by a small model, read back out of the picture, drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.replay import replay
from sdtoolbox.toolbox import Toolbox

EVERYTHING = "((emphasis)), (emphasis1:1.1), [to:1], [from::2], [from:to:0.3], [alt|alt1], a BREAK b AND c :0.5"


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Toolbox]:
    with Toolbox.open(home=tmp_path_factory.mktemp("home"), model_folders=(tiny_models,), threads=1) as toolbox:
        (toolbox.settings.wildcards / "colour.txt").write_text("red\ngreen\nblue\n")
        yield toolbox


def draw(toolbox: Toolbox, prompt: str, **values: Any) -> list[Path]:
    options = {"checkpoint": "tiny", "seed": 3, "steps": 6} | values
    result = toolbox.run("txt2img", prompt=prompt, **options)
    return [toolbox.picture_path(picture.id) for picture in result.pictures]


def pixels(file: Path) -> np.ndarray[Any, Any]:
    return np.asarray(open_picture(file), dtype=np.int16)


def test_everything_at_once_draws_and_comes_back_out_of_the_picture(toolbox: Toolbox) -> None:
    (file,) = draw(toolbox, EVERYTHING, negative_prompt="[x:(y:1.3):0.5] AND z")
    text = read_text(file)
    assert text.exact is not None and text.exact["request"]["prompt"] == EVERYTHING
    assert text.parameters is not None and text.parameters.split("\nNegative prompt: ")[0] == EVERYTHING
    outcome = replay(file, toolbox)
    assert (outcome.identical, outcome.max_difference) == (True, 0)


@pytest.mark.parametrize(
    ("prompt", "other"),
    [
        ("a (red:1.4) house", "a red house"),
        ("a [red:tree:0.5] house", "a red house"),
        ("a [red:tree:0.5] house", "a tree house"),
        ("a [red|tree] house", "a [tree|red] house"),
        ("a red BREAK house", "a red house"),
        ("a red AND house", "a red house"),
        ("a red AND house :0.5", "a red AND house"),
        ("a red AND house", "house AND a red AND the :0.1"),
    ],
)
def test_every_construct_changes_the_picture(toolbox: Toolbox, prompt: str, other: str) -> None:
    (one,), (two,) = draw(toolbox, prompt), draw(toolbox, other)
    assert np.abs(pixels(one) - pixels(two)).max() > 0


@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("a (red:1) house", "a red house"),
        ("a [red:tree:1.0] house", "a red house"),
        ("a [red:tree:0] house", "a tree house"),
        ("a red house AND tree :0", "a red house"),
        ("# note\na red house # more", "a red house"),
    ],
)
def test_what_means_the_same_draws_the_same(toolbox: Toolbox, prompt: str, same: str) -> None:
    (one,), (two,) = draw(toolbox, prompt), draw(toolbox, same)
    assert np.abs(pixels(one) - pixels(two)).max() <= 1


@pytest.mark.parametrize("values", [{"emphasis": "no norm"}, {"emphasis": "ignore"}, {"clip_skip": 2}])
def test_how_words_are_read_is_kept_in_the_picture(toolbox: Toolbox, values: dict[str, Any]) -> None:
    (plain,), (file,) = draw(toolbox, "a (red:1.6) house"), draw(toolbox, "a (red:1.6) house", **values)
    assert np.abs(pixels(plain) - pixels(file)).max() > 0
    key = {"no norm": "Emphasis: No norm", "ignore": "Emphasis: Ignore"}.get(values.get("emphasis", ""), "Clip skip: 2")
    parameters = read_text(file).parameters
    assert parameters is not None and key in parameters
    assert "Emphasis" not in str(read_text(plain).parameters)
    assert replay(file, toolbox).identical


def test_a_job_of_different_words_is_one_job_whose_pictures_replay(toolbox: Toolbox) -> None:
    files = draw(toolbox, "a __colour__ {house|tree}", batch_count=2, batch_size=3)
    said = [read_text(file).exact["request"]["prompt"] for file in files]  # type: ignore[index]
    assert len(files) == 6 and len(set(said)) > 1
    assert not any(mark in words for words in said for mark in "_{|}")
    assert replay(files[-1], toolbox).identical
    assert said == [
        toolbox.resolve(toolbox.parse("txt2img", {"prompt": "a __colour__ {house|tree}", "seed": 3 + i})).prompt  # type: ignore[attr-defined]
        for i in range(6)
    ]


def test_a_style_is_in_the_picture_as_words(toolbox: Toolbox) -> None:
    toolbox.settings.styles.write_text('name,prompt,negative_prompt,steps\nSnow,"{prompt}, in the snow",tree,5\n')
    (file,) = draw(toolbox, "a red house", styles=["snow"], steps=None)
    exact = read_text(file).exact
    assert exact is not None
    assert (exact["request"]["prompt"], exact["request"]["negative_prompt"]) == ("a red house, in the snow", "tree")
    assert (exact["request"]["steps"], exact["request"]["styles"]) == (5, [])
