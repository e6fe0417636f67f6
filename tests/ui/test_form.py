"""The form's values: from the checkpoint, from the browser's memory, and back as a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.schema.requests import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.form import Form
from sdtoolbox.ui.i18n import Texts
from tests.web import write_checkpoints


@pytest.fixture
def form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Form]:
    monkeypatch.setattr("sdtoolbox.settings.bundled", lambda name: tmp_path / "nothing" / name)
    write_checkpoints(tmp_path / "models")
    with Toolbox.open(Settings(home=tmp_path)) as toolbox:
        yield Form(toolbox, Txt2Img, Texts("en"))


def named(form: Form, name: str | None) -> str:
    return form.toolbox.catalog.find(name).id


def test_open_fields_begin_as_the_checkpoint_has_them(form: Form) -> None:
    values = form.initial()
    assert (values["steps"], values["width"], values["guidance_scale"]) == (8, 64, 5.0)
    assert values["checkpoint"] == named(form, None)
    assert (values["seed"], values["batch_count"]) == (-1, 1)


def test_a_change_of_checkpoint_moves_only_what_nobody_touched(form: Form) -> None:
    values = form.initial() | {"steps": 33}
    moved = form.after_checkpoint(values, named(form, None), named(form, "other"))
    assert moved["width"] == 96
    assert moved["sampler"] == "heun"  # its file says "Heun"
    assert "steps" not in moved
    assert "prompt" not in moved
    assert form.after_checkpoint(values, None, "no such") == {}
    assert form.after_checkpoint(values, named(form, "other"), named(form, "other")) == {}


@pytest.mark.parametrize("stored", [None, [], "x", {}, {"unknown": 1}, {"prompt": ["a"], "steps": {}, "seed": None}])
def test_a_memory_without_sense_gives_the_first_view(form: Form, stored: object) -> None:
    assert form.restored(stored) == form.initial()


def test_a_memory_keeps_what_is_still_there(form: Form) -> None:
    stored = {"prompt": "a house", "steps": 12, "sampler": "sampler of a removed extension", "checkpoint": "gone"}
    values = form.restored(stored)
    assert (values["prompt"], values["steps"]) == ("a house", 12)
    assert values["sampler"] == "euler"
    assert values["checkpoint"] == named(form, None)


def test_what_a_quick_person_typed_stays(form: Form) -> None:
    shown = {"prompt": "typed", "steps": 1.5, "width": None, "seed": -1, "sampler": "heun"}
    values = form.restored({"prompt": "before", "seed": 8, "steps": 9}, shown)
    assert values["sampler"] == form.initial()["sampler"]  # a list that nobody touched shows its first entry
    assert (values["prompt"], values["steps"], values["seed"]) == ("typed", 1.5, 8)
    assert values["width"] == form.initial()["width"]


def test_emptied_fields_mean_their_defaults(form: Form) -> None:
    request = form.parse(dict.fromkeys(Txt2Img.model_fields) | {"steps": 5})
    assert request == Txt2Img(steps=5)


def test_problems_stand_at_their_fields_and_others_above_the_button(form: Form) -> None:
    values = {"width": 0, "steps": "abc"}
    with pytest.raises(InvalidRequest) as caught:
        form.parse(values)
    problems = form.problems(caught.value, values)
    assert [problem["id"] for problem in problems] == ["txt2img-width", "txt2img-steps"]
    assert problems[0]["text"] == "Width 0 is out of range. Allowed is a whole number from 16 to 4096."
    full = form.problems(UserError("QUEUE_FULL", "9 jobs wait.", "Try later."), {})
    assert full == [{"id": "", "text": "The queue is full. 9 jobs wait. Try later."}]
    missing = form.problems(UserError("MODEL_MISSING", "there is none.", "", "checkpoint"), {})
    assert missing[0]["id"] == "sd-checkpoint"


def test_problems_are_said_in_the_pages_language(form: Form) -> None:
    form.texts = Texts("zh-CN")
    error = InvalidRequest([UserError("PARAM_INVALID", "steps 0 is out of range.", "…", "steps")])
    assert form.problems(error, {"steps": 0})[0]["text"] == "步数的值 0 不可用。允许范围：1 到 1000。"


def test_two_checkpoints_of_one_name_can_be_told_apart(form: Form) -> None:
    assert [label for label, _ in form.checkpoints()] == ["storybook", "other"]
    write_checkpoints(form.toolbox.settings.home / "models" / "more")
    form.toolbox.catalog.refresh()
    labels = [label for label, _ in form.checkpoints()]
    assert len(set(labels)) == 4
    assert all(label.startswith(("storybook (", "other (")) for label in labels)


def test_a_machine_without_any_checkpoint_still_has_a_form(form: Form) -> None:
    form.toolbox.catalog._checkpoints = ()
    values = form.initial()
    assert values["steps"] is None
    assert form.own_size(None) == {"width": 512, "height": 512}
