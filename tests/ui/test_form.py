"""The form's values: from the checkpoint, from the browser's memory, and back as a request."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.schema.inpaint import Erase, Inpaint
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.schema.results import Picture
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.form import Form
from sdtoolbox.ui.i18n import Texts
from tests.web import write_checkpoints


def png() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (32, 16)).save(buffer, "PNG")
    return buffer.getvalue()


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
    moved = form.after_checkpoint(values, form.brought(None), named(form, "other"))
    assert moved["width"] == 96
    assert moved["sampler"] == "heun"  # its file says "Heun"
    assert "steps" not in moved
    assert not {"prompt", "checkpoint", "vae", "adapters"} & set(moved)
    assert form.after_checkpoint(values, form.brought(None), "no such") == {}


def test_what_is_written_about_the_checkpoint_moves_the_form_too(form: Form) -> None:
    values, before = form.initial() | {"guidance_scale": 9}, form.brought(None)
    form.toolbox.catalog.annotate(named(form, None), defaults={"steps": 30, "guidance_scale": 2.0})
    moved = form.after_checkpoint(values, before, named(form, None))
    assert moved["steps"] == 30
    assert "guidance_scale" not in moved
    assert form.brought(None)["guidance_scale"] == 2.0


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
    emptied = {"steps": "", "width": "", "seed": "", "prompt": "", "sampler": ""}  # as Gradio has them
    assert form.parse(emptied) == Txt2Img()


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


def test_a_machine_without_any_checkpoint_still_has_a_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdtoolbox.settings.bundled", lambda name: tmp_path / "nothing" / name)
    with Toolbox.open(Settings(home=tmp_path)) as toolbox:
        form = Form(toolbox, Txt2Img, Texts("en"))
        values = form.initial()
        assert (values["steps"], values["adapters"], values["vae"]) == (None, [], None)
        assert form.brought(None) == {}
        assert form.own_size(None) == {"width": 512, "height": 512}


def test_adapters_and_vae_are_remembered(form: Form) -> None:
    adapters = [{"adapter": "1" * 32, "weight": 0.5, "text_weight": None, "blocks": ""}]
    values = form.restored({"adapters": adapters, "vae": "gone"})
    assert values["adapters"] == adapters  # its file may have gone: that is said, not dropped in silence
    assert values["vae"] is None
    for nonsense in ("x", [1], [{}], {"adapter": "x"}):
        assert form.restored({"adapters": nonsense})["adapters"] == []


def test_the_request_has_the_adapters_of_the_form(form: Form) -> None:
    adapters = [{"adapter": "film", "weight": -0.5, "text_weight": 0.2, "blocks": ""}]
    request = form.parse({"adapters": adapters})
    assert isinstance(request, Txt2Img)
    assert (request.adapters[0].adapter, request.adapters[0].weight, request.adapters[0].text_weight) == (
        "film",
        -0.5,
        0.2,
    )
    with pytest.raises(InvalidRequest) as caught:
        form.parse({"adapters": [{"adapter": "film", "weight": "much"}]})
    assert form.problems(caught.value, {})[0]["id"] == "txt2img-adapters"


def test_what_is_set_for_another_sampler_is_not_meant_and_the_same_means_nothing(form: Form) -> None:
    values = form.initial() | {"sampler": "euler_ancestral", "sampler_options": {"eta": 0.5, "s_churn": 3}}
    request = form.parse(values)
    assert isinstance(request, Txt2Img)
    assert request.sampler_options == {"eta": 0.5}
    assert (values["hires_sampler"], request.hires_sampler, request.hires_checkpoint) == ("", None, None)


def test_a_picture_is_asked_for_again_larger_alone_and_from_its_own_seed(form: Form) -> None:
    drawn = Txt2Img.parse({"prompt": "a", "seed": 5, "batch_size": 3, "variation_strength": 0.2, "variation_seed": 8})
    picture = Picture(id="x", seed=5, width=64, height=64, request=drawn.model_dump(), index=2, file="x.png")
    values = form.initial() | {"prompt": "b", "hires_scale": 3, "hires_sampler": "heun", "hires_steps": None}
    request = form.larger(picture, values)
    assert isinstance(request, Txt2Img)
    assert (request.prompt, request.seed, request.variation_seed, request.batch_size) == ("a", 5, 10, 1)
    assert (request.hires, request.hires_scale, request.hires_sampler, request.hires_steps) == (True, 3, "heun", None)


def test_a_picture_has_a_size_of_its_own_and_is_remembered_while_it_is_there(form: Form) -> None:
    editing = Form(form.toolbox, Inpaint, Texts("en"))
    values = editing.initial()
    assert (values["width"], values["height"], values["image"], values["strength"]) == (None, None, None, None)
    assert values["steps"] == 8
    assert editing.after_checkpoint(values, editing.brought(None), named(form, "other")).get("width") is None
    kept = form.toolbox.add_picture(png())
    restored = editing.restored({"image": kept, "mask": "0" * 32, "fill": "noise", "area": "masked", "width": 96})
    assert (restored["image"], restored["mask"], restored["fill"]) == (kept, None, "noise")
    assert (restored["area"], restored["width"]) == ("masked", 96)
    assert editing.restored({"fill": "no such"})["fill"] == "original"
    assert editing.parse(restored).image == kept


def test_a_form_that_opens_later_follows_the_checkpoint_that_was_chosen_meanwhile(form: Form) -> None:
    stored = form.initial() | {"guidance_scale": 9}
    restored = form.restored(stored, checkpoint=named(form, "other"))
    assert (restored["checkpoint"], restored["steps"]) == (named(form, "other"), 12)
    assert restored["guidance_scale"] == 9


def test_a_task_without_a_checkpoint_has_none(form: Form) -> None:
    assert "checkpoint" not in Form(form.toolbox, Erase, Texts("en")).initial()


def test_a_fold_knows_its_fields_and_its_switch(form: Form) -> None:
    assert form.fold(["hires", "hires_scale"]) == {
        "task": "txt2img",
        "fields": {"hires": False, "hires_scale": 2.0},
        "switched": "hires",
    }
    assert form.fold(["clip_skip", "tiling"])["fields"] == {"tiling": "none"}  # what a checkpoint fills is nobody's


def test_stages_are_kept_as_they_are_and_a_dropped_picture_without_any_takes_them_away(form: Form) -> None:
    denoising = Form(form.toolbox, Denoise, Texts("en"))
    stages = [{"restorer": "wavelet", "strength": 0.5, "blend": 1, "options": {}}]
    kept = denoising.restored({"stages": stages, "noise": 12.5})
    assert (kept["stages"], kept["noise"]) == (stages, 12.5)
    assert denoising.restored({"stages": [{"strength": 1}]})["stages"] == []
    request = denoising.parse(kept)
    assert isinstance(request, Denoise)
    assert request.stages[0].strength == 0.5
    assert denoising.filled({"noise": 3}, kept)["stages"] == []
