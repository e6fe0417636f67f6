from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.prompts.styles import Style, StyleFile
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.resolve import resolve
from tests.fakes import builtin_registries
from tests.workers.fake_engine import write_checkpoint

REGISTRIES = builtin_registries()


@pytest.fixture
def file(tmp_path: Path) -> StyleFile:
    file = StyleFile(tmp_path / "styles.csv")
    file.add(
        [
            Style("Film", "{prompt}, film {grain|grain}", "blurry", {"steps": "33", "sampler": "Euler a", "note": "x"}),
            Style("Ink", "ink", "", {"steps": "44"}),
            Style("Wrong", "", "", {"steps": "0"}),
        ]
    )
    return file


def settled(file: StyleFile, tmp_path: Path, **values: Any) -> Txt2Img:
    folder = tmp_path / "models"
    if not folder.exists():
        write_checkpoint(folder)
    catalog = Catalog([folder])
    once = resolve(Txt2Img.parse(values), REGISTRIES, catalog, styles=file)
    assert resolve(once, REGISTRIES, catalog, styles=file) == once
    return once


def test_words_go_around_the_prompts_in_order_and_settings_into_what_is_open(file: StyleFile, tmp_path: Path) -> None:
    request = settled(file, tmp_path, prompt="a cat", negative_prompt="dog", styles=["film", "Ink"])
    assert (request.prompt, request.negative_prompt) == ("a cat, film grain, ink", "dog, blurry")
    assert (request.steps, request.sampler, request.styles) == (44, "euler_ancestral", ())


def test_what_a_person_chose_stays(file: StyleFile, tmp_path: Path) -> None:
    assert settled(file, tmp_path, styles=["Ink"], steps=5).steps == 5
    assert settled(file, tmp_path, styles=["Ink"], steps=8).steps == 44, "8 is what the checkpoint proposes"


@pytest.mark.parametrize(
    ("name", "said"),
    [("Flim", "there is no style 'Flim'. Did you mean Film?"), ("Wrong", "the style 'Wrong' says what is not allowed")],
)
def test_refusals_name_the_field(name: str, said: str, file: StyleFile, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        settled(file, tmp_path, styles=[name])
    assert said in str(caught.value)
    assert caught.value.field == "styles"
