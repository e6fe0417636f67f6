"""Hooks have a say in requests, pictures and ended jobs; one that fails is left out and said, and the job goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sdtoolbox.builtin import load_all
from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import open_picture
from sdtoolbox.images.raster import Raster
from sdtoolbox.jobs import hooks as hooks_module
from sdtoolbox.replay import first_cause, replay
from sdtoolbox.schema.results import Job, Result
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.workers import fake_engine

Add = Callable[..., None]


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", fake_engine.NAME)
    with Toolbox.open(fake_engine.fake_settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
def add(toolbox: Toolbox) -> Add:
    """Register hooks of an extension."""

    def add(event: Any, *functions: Any, owner: str = "mine", sha256: str = "a" * 64) -> None:
        extension = Extension(owner, version="1.2", sha256=sha256)
        for function in functions:
            extension.hook(event, function)
        toolbox.registries.merge(extension.draft)

    return add


def run(toolbox: Toolbox, prompt: str = "a tree", **values: Any) -> Result:
    return toolbox.run("txt2img", prompt=prompt, checkpoint="fake", seed=1, width=64, height=64, **values)


def louder(request: Any) -> Any:
    """Add what is not there yet."""
    return None if "loud" in request.prompt else request.model_copy(update={"prompt": f"{request.prompt}, loud"})


def broken(*_: Any) -> None:
    raise ZeroDivisionError("a secret of /home/somebody")


def negative(image: Any, request: Any) -> Any:
    return ImageOps.invert(image)


def test_a_request_is_changed_at_every_door_and_once(toolbox: Toolbox, add: Add) -> None:
    add("request", louder)
    plain = toolbox.parse("txt2img", {"prompt": "a tree", "checkpoint": "fake", "seed": 1})
    assert toolbox.job(toolbox.submit(plain)).request["prompt"] == "a tree, loud"
    result = run(toolbox)
    assert (result.request["prompt"], result.warnings) == ("a tree, loud", [])
    assert toolbox.resolve(plain).prompt == "a tree"  # type: ignore[attr-defined]  # nobody is queued by that


def test_hooks_are_called_one_after_another_on_what_was_asked_for(toolbox: Toolbox, add: Add) -> None:
    seen = []

    def look(request: Txt2Img) -> None:
        seen.append((request.prompt, request.seed, request.checkpoint))
        request.sampler_options["eta"] = 5.0  # a copy: it counts only if it is returned

    add("request", louder, look)
    request = toolbox.parse("txt2img", {"prompt": "a tree", "checkpoint": "fake"})
    job = toolbox.job(toolbox.submit(request))
    assert seen == [("a tree, loud", -1, "fake")]
    assert "eta" not in job.request["sampler_options"]


@pytest.mark.parametrize(
    ("hook", "kind"),
    [
        (broken, "ZeroDivisionError"),
        (lambda request: "a house", "TypeError"),
        (lambda request: request.model_copy(update={"steps": -4}), "ValueError"),
        (lambda request: request.model_copy(update={"prompt": 17}), "ValueError"),
    ],
)
def test_what_fails_is_left_out_and_said_in_the_result(toolbox: Toolbox, add: Add, hook: Any, kind: str) -> None:
    add("request", hook, louder)
    result = run(toolbox)
    assert result.request["prompt"] == "a tree, loud"
    assert result.warnings == [
        f"the hook {hook.__name__} of the extension mine failed ({kind}): its change is left out."
    ]
    strange, good = toolbox.hook_times()
    assert (strange.extension, strange.hook, strange.event) == ("mine", hook.__name__, "request")
    assert (strange.calls, strange.failures, good.calls, good.failures) == (1, 1, 1, 0)
    assert kind in strange.last_failure
    assert strange.seconds > 0


def test_a_hook_may_refuse(toolbox: Toolbox, add: Add) -> None:
    def polite(request: Txt2Img) -> None:
        if "house" in request.prompt:
            raise UserError("PARAM_INVALID", "no houses here.", "Draw a tree.", "prompt")

    add("request", polite)
    with pytest.raises(UserError, match="no houses here") as caught:
        run(toolbox, "a house")
    assert caught.value.field == "prompt"
    assert toolbox.jobs() == []
    assert run(toolbox).warnings == []


def test_after_three_failures_in_a_row_it_is_skipped_until_a_reload(toolbox: Toolbox, add: Add) -> None:
    calls = []

    def sometimes(request: Txt2Img) -> None:
        calls.append(request.prompt)
        if request.prompt == "bad":
            raise ValueError("bad")

    add("request", sometimes)
    for prompt in ("bad", "bad", "good", "bad", "bad", "bad"):
        assert not toolbox.hook_times()[0].skipped
        run(toolbox, prompt)
    assert toolbox.hook_times()[0].skipped
    said = "the hook sometimes of the extension mine failed 3 times in a row and is left out."
    assert run(toolbox, "good").warnings == [said]
    assert len(calls) == 6
    toolbox._hooks.forgive()  # as a reload does
    assert run(toolbox, "good").warnings == []


def test_other_files_of_an_extension_have_another_chance(toolbox: Toolbox, add: Add) -> None:
    add("request", broken)
    for _ in range(3):
        run(toolbox)
    assert toolbox.hook_times()[0].skipped
    toolbox.registries.hooks = type(toolbox.registries.hooks)("hook")
    add("request", broken, sha256="b" * 64)
    assert not toolbox.hook_times()[0].skipped
    assert "ZeroDivisionError" in run(toolbox).warnings[0]


def test_what_hangs_is_not_waited_for(toolbox: Toolbox, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks_module, "SECONDS", {"request": 0.05})
    add("request", lambda request: time.sleep(2))
    began = time.monotonic()
    result = run(toolbox)
    assert "failed (TimeoutError)" in result.warnings[0]
    assert time.monotonic() - began < 2


def test_a_picture_is_changed_and_says_by_whom(toolbox: Toolbox, add: Add) -> None:
    before = open_picture(toolbox.picture_path(run(toolbox).pictures[0].id)).convert("RGB")
    add("picture", negative, owner="dark")
    result = run(toolbox)
    after = toolbox.picture_path(result.pictures[0].id)
    assert np.array_equal(np.asarray(open_picture(after)), 255 - np.asarray(before))
    by = [{"name": "dark", "version": "1.2", "sha256": "a" * 64}]
    exact = read_text(after).exact
    assert exact is not None and exact["environment"]["hooks"] == by == result.environment["hooks"]


def test_a_hook_that_only_looks_changes_no_byte(toolbox: Toolbox, add: Add) -> None:
    first = run(toolbox, batch_size=2)
    seen = []

    def look(image: Image.Image, request: Txt2Img) -> Any:
        seen.append((image.mode, image.size, request.prompt))
        image.paste(0, (0, 0, 64, 64))  # a copy
        return None

    add("picture", look, lambda image, request: image)
    assert [one.id for one in run(toolbox, batch_size=2).pictures] == [one.id for one in first.pictures]
    assert seen == [("RGB", (64, 64), "a tree")] * 2


def test_each_picture_of_a_batch_names_those_that_changed_it(toolbox: Toolbox, add: Add) -> None:
    count = []

    def every_other(image: Image.Image, request: Txt2Img) -> Any:
        count.append(image)
        return ImageOps.invert(image) if len(count) % 2 else None

    add("picture", every_other)
    result = run(toolbox, batch_size=2)
    files = [read_text(toolbox.picture_path(one.id)).exact or {} for one in result.pictures]
    assert ["hooks" in one["environment"] for one in files] == [True, False]
    assert "hooks" in result.environment


@pytest.mark.parametrize("returned", ["text", Image.new("RGB", (9, 9)), Image.new("F", (64, 64))])
def test_what_is_no_picture_of_that_size_is_left_out(toolbox: Toolbox, add: Add, returned: Any) -> None:
    plain = run(toolbox)
    add("picture", lambda image, request: returned)
    result = run(toolbox)
    assert [one.id for one in result.pictures] == [one.id for one in plain.pictures]
    assert "its change is left out" in result.warnings[0]


def test_a_hook_may_refuse_a_picture(toolbox: Toolbox, add: Add) -> None:
    def refuse(image: Image.Image, request: Txt2Img) -> None:
        raise UserError("IMAGE_INVALID", "this picture is not to be kept.")

    add("picture", refuse)
    with pytest.raises(UserError, match="not to be kept"):
        run(toolbox)
    assert toolbox.jobs()[0].state == "failed"


def test_the_cells_of_a_plot_are_changed_and_the_grid_is_not_again(toolbox: Toolbox, add: Add) -> None:
    seen = []

    def look(image: Image.Image, request: Txt2Img) -> Any:
        seen.append(request.steps)
        return ImageOps.invert(image)

    add("picture", look)
    result = run(toolbox, plot={"x": {"field": "steps", "values": "2, 3"}})
    assert (seen, len(result.pictures)) == ([2, 3], 3)


def test_done_hears_of_every_end(toolbox: Toolbox, add: Add) -> None:
    heard: list[Job] = []
    add("done", heard.append, broken)
    result = run(toolbox)
    with pytest.raises(UserError):
        run(toolbox, "error")
    assert [(job.state, job.error is None) for job in heard] == [("done", True), ("failed", False)]
    assert heard[0].result == result
    assert [(one.hook, one.calls, one.failures) for one in toolbox.hook_times()] == [
        ("append", 2, 0),
        ("broken", 2, 2),
    ]


def test_a_replay_takes_the_request_as_it_is_and_names_the_hook(toolbox: Toolbox, add: Add) -> None:
    def longer(request: Txt2Img) -> Any:
        return request.model_copy(update={"prompt": f"{request.prompt}, and more"})

    add("request", longer)
    file = toolbox.picture_path(run(toolbox).pictures[0].id)
    assert replay(file, toolbox).identical
    add("picture", negative, owner="dark")
    found = replay(file, toolbox)
    assert (found.identical, found.cause) == (False, "hook was none and is dark aaaaaaaaaa")
    old, new = ({"hooks": [{"name": "dark", "version": "", "sha256": digit * 64}]} for digit in "12")
    assert first_cause(old, new) == "hook dark was 1111111111 and is 2222222222"


@pytest.mark.parametrize(("event", "hook"), [("requests", louder), ("request", negative), ("picture", louder)])
def test_what_cannot_be_called_is_refused_at_once(event: Any, hook: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"there is no hook|does not take"):
        Extension("mine").hook(event, hook)


def test_two_extensions_may_have_hooks_of_one_name(toolbox: Toolbox, add: Add) -> None:
    add("request", louder)
    add("request", louder, owner="other")
    with pytest.raises(ValueError, match=r"mine\.louder|mine\.request\.louder"):
        add("request", louder)
    assert [one.extension for one in toolbox.hook_times()] == ["mine", "other"]


FILE = """
import torch
VERSION = "3"

def darker(image, request):
    return image.point(lambda value: value // 2)

def register(ext):
    ext.hook("picture", darker)
"""


def test_a_dropped_in_hook_is_not_imported_before_it_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "shade.py").write_text(FILE)
    settings = Settings(home=tmp_path / "home", extension_folders=(folder,), extension_patience=60)
    registries, reports = load_all(settings)
    report = next(one for one in reports if one.name == "shade")
    assert (report.reason, report.adds) == ("", ("hook shade.darker (picture)",))
    info = registries.hooks.get("shade.picture.darker").value
    assert (info.event, info.version, len(info.sha256)) == ("picture", "3", 64)
    assert info.function(Image.new("RGB", (1, 1), (9, 9, 9)), None).getpixel((0, 0)) == (4, 4, 4)


WHOLE = """
from pathlib import Path
from pydantic import BaseModel

class Mine(BaseModel):
    suffix: str = ""
    file: str = ""

def broken(request):
    raise ValueError("not in this process")

def register(ext):
    mine = ext.settings(Mine)

    def longer(request):
        return request.model_copy(update={"prompt": request.prompt + mine.suffix})

    def darker(image, request):
        return image.point(lambda value: value // 2)

    def told(job):
        Path(mine.file).write_text(f"{job.state} {len(job.result.warnings)}")

    for event, hook in (("request", longer), ("request", broken), ("picture", darker), ("done", told)):
        ext.hook(event, hook)
"""


def test_hooks_work_in_the_process_that_they_belong_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", fake_engine.NAME)
    folder, told = tmp_path / "extensions", tmp_path / "told"
    folder.mkdir()
    (folder / "whole.py").write_text(WHOLE)
    more = {"safe_mode": False, "extension_folders": (folder,), "extension_patience": 60}
    more["extensions"] = {"whole": {"suffix": ", big", "file": str(told)}}
    with Toolbox.open(fake_engine.fake_settings(tmp_path).model_copy(update=more)) as toolbox:
        toolbox.start_workers()
        result = run(toolbox)
        until = time.monotonic() + 20
        while not toolbox.hook_times()[-1].calls:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert told.read_text() == "done 1"
        assert result.request["prompt"] == "a tree, big"
        assert ["hook broken" in one for one in result.warnings] == [True]
        assert [one["name"] for one in result.environment["hooks"]] == ["whole"]
        assert np.asarray(open_picture(toolbox.picture_path(result.pictures[0].id))).max() == 127
        counted = {one.hook: (one.calls, one.failures) for one in toolbox.hook_times()}
        assert counted == {"longer": (1, 0), "broken": (1, 1), "darker": (1, 0), "told": (1, 0)}


def deep(alpha: bool) -> Raster:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 2**16, (20, 30, 3), np.uint16)
    return Raster(pixels, draw.integers(0, 2**16, (20, 30), np.uint16) if alpha else None, b"profile")


@pytest.mark.parametrize("alpha", [False, True])
def test_what_a_hook_leaves_keeps_depth_alpha_and_profile(toolbox: Toolbox, add: Add, alpha: bool) -> None:
    def corner(image: Image.Image, request: Txt2Img) -> Image.Image:
        image = image.convert("RGB")  # without an alpha
        image.paste((255, 0, 0), (0, 0, 10, 10))
        return image

    before = deep(alpha)
    assert toolbox._hooks.on_picture(before, Txt2Img()).value is before
    add("picture", corner)
    after = toolbox._hooks.on_picture(before, Txt2Img()).value
    assert np.array_equal(after.pixels[10:], before.pixels[10:])
    assert np.array_equal(after.pixels[:, 10:], before.pixels[:, 10:])
    assert (after.pixels[:10, :10] == (65535, 0, 0)).all()
    assert after.alpha is before.alpha and after.icc == b"profile"


def test_a_hook_may_make_a_picture_transparent(toolbox: Toolbox, add: Add) -> None:
    def ghost(image: Image.Image, request: Txt2Img) -> Image.Image:
        image.putalpha(Image.new("L", image.size, 128))
        return image

    add("picture", ghost)
    after = toolbox._hooks.on_picture(deep(False), Txt2Img()).value
    assert after.alpha is not None and (after.alpha == 128 * 257).all()
    assert np.array_equal(after.pixels, deep(False).pixels)
