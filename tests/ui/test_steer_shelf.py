"""What the control of steers offers, and when it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from sdtoolbox.extensions import Extension
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.testing import fake_toolbox
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.form import Form
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.steer_shelf import steer_functions
from tests.extensions.shipped import shipped


def swirl(denoise: Any, *, turns: int = 2) -> Any:
    """Turns the picture about its middle."""
    return denoise


def register(ext: Extension) -> None:
    shipped("dynamic_thresholding").register(ext)
    ext.steer(swirl, label="Swirl")


@pytest.fixture(scope="module")
def toolbox() -> Iterator[Toolbox]:
    with fake_toolbox(register) as opened:
        yield opened


def test_steers_are_found_by_their_words_and_looked_up_by_any_name(toolbox: Toolbox) -> None:
    find, look = steer_functions(toolbox, Texts("en"), asdict)
    assert [one["label"] for one in find({"text": ""})["options"]] == ["Dynamic thresholding", "Swirl"]
    (found,) = find({"text": "SWI"})["options"]
    assert (found["id"], found["remark"]) == ("swirl", "Turns the picture about its middle.")
    assert [option["name"] for option in found["options"]] == ["turns"]
    assert look({"ids": ["Swirl", "gone"]}) == {"Swirl": found, "gone": None}


def test_the_shipped_one_speaks_chinese(toolbox: Toolbox) -> None:
    find, _ = steer_functions(toolbox, Texts("zh-CN"), asdict)
    first = find({"text": ""})["options"][0]
    assert (first["id"], first["label"]) == ("dynamic_thresholding", "动态阈值")
    assert first["remark"] != toolbox.registries.steers.get("dynamic_thresholding").value.help


def test_the_field_is_in_the_form_where_there_is_a_steer(toolbox: Toolbox) -> None:
    form = Form(toolbox, Txt2Img, Texts("en"))
    assert "steers" in form.names and form.initial()["steers"] == []
    kept = [{"steer": "swirl", "options": {"turns": 3}}]
    assert form.restored({"steers": kept})["steers"] == kept
    assert form.restored({"steers": [{"turns": 3}]})["steers"] == []
    assert form.parse(form.initial() | {"steers": kept}).model_dump()["steers"] == tuple(kept)
    assert form.filled({"prompt": "a"}, {"steers": kept})["steers"] == []
    with fake_toolbox() as without:
        assert "steers" not in Form(without, Txt2Img, Texts("en")).names
