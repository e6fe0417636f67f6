from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.styles import Style, StyleFile, around, read_styles, write_styles

A1111 = "\n".join(
    [
        "\ufeffname,prompt,negative_prompt",
        "None,,",
        'Film,"{prompt}, film grain, 35mm","blurry, ""soft"""',
        "Quiet,,noise",
        'Film,"again {prompt}",',
    ]
)


def test_a1111s_file_is_read() -> None:
    assert read_styles(A1111) == [Style("None"), Style("Film", "again {prompt}"), Style("Quiet", "", "noise")]


def test_settings_are_further_columns() -> None:
    (style,) = read_styles("Name,prompt,negative_prompt,steps,sampler,note\nx,a,b, 30 ,Euler a,\n")
    assert style == Style("x", "a", "b", {"steps": "30", "sampler": "Euler a"})


@pytest.mark.parametrize(
    ("text", "style", "result"),
    [
        ("a cat", "{prompt}, ink", "a cat, ink"),
        ("a cat", "ink", "a cat, ink"),
        ("", "ink", "ink"),
        ("a cat", "", "a cat"),
        (" a cat ", " ", " a cat "),
        ("a", "{prompt} and {prompt}", "a and a"),
    ],
)
def test_a_style_goes_around_the_prompt(text: str, style: str, result: str) -> None:
    assert around(text, style) == result


@pytest.mark.parametrize("text", ["a,b\n1,2\n", 'name,prompt\n"open', "just words"])
def test_what_is_no_file_of_styles_says_what_one_is(text: str) -> None:
    with pytest.raises(UserError, match="columns name, prompt, negative_prompt"):
        read_styles(text, "x.csv")


CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=20)
STYLES = st.lists(
    st.builds(
        Style,
        CELLS.map(str.strip).filter(bool),
        CELLS,
        CELLS,
        st.dictionaries(st.sampled_from(["steps", "sampler"]), CELLS.map(str.strip).filter(bool), max_size=2),
    ),
    max_size=5,
    unique_by=lambda style: style.name,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(STYLES)
def test_styles_come_back_as_they_were_written(styles: list[Style]) -> None:
    assert read_styles(write_styles(styles)) == styles


def test_a_file_is_kept_whole_and_read_anew(tmp_path: Path) -> None:
    file = StyleFile(tmp_path / "home" / "styles.csv")
    assert file.list() == []
    assert file.add([Style("Film", "a"), Style("Ink", "b")]) == (2, 0)
    assert file.add([Style("Film", "c"), Style("Oil")]) == (1, 1)
    assert [style.name for style in StyleFile(file.path).list()] == ["Film", "Ink", "Oil"]
    assert file.get("film").prompt == "c"
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["styles.csv"]
    with pytest.raises(UserError, match="Did you mean Film"):
        file.get("Flim")
    with pytest.raises(UserError, match="There are none yet"):
        StyleFile(None).get("x")
