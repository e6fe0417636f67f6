"""A video in the place of a picture: what is filled in, and what is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.schema.results import Event
from sdtoolbox.toolbox import Toolbox
from tests.images.pictures import saved
from tests.images.videos import moving, video


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Toolbox.open(home=tmp_path_factory.mktemp("home"), safe_mode=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def clip(toolbox: Toolbox) -> str:
    return toolbox.add_picture(video(moving(10, noise=12), sound=""), "clip.mp4")


def resolved(toolbox: Toolbox, task: str, **values: Any) -> Any:
    return toolbox.resolve(toolbox.parse(task, values))


def refused(toolbox: Toolbox, task: str, **values: Any) -> list[UserError]:
    with pytest.raises(UserError) as caught:
        resolved(toolbox, task, **values)
    return list(caught.value.problems) if isinstance(caught.value, InvalidRequest) else [caught.value]


def test_noise_is_measured_once_for_all_frames(toolbox: Toolbox, clip: str) -> None:
    request = resolved(toolbox, "denoise", video=clip)
    assert request.frames == 10 and request.image == clip
    assert 4 < request.noise < 14 and request.stages
    assert resolved(toolbox, "denoise", image=clip, noise=3).noise == 3
    assert resolved(toolbox, "denoise", **request.model_dump()) == request, "resolving twice changes nothing"


def test_a_picture_has_no_frames(toolbox: Toolbox) -> None:
    picture = toolbox.add_picture(saved(Image.new("RGB", (8, 8))))
    assert resolved(toolbox, "denoise", image=picture, frames=7).frames is None


@pytest.mark.parametrize(
    ("asked", "size"),
    [({}, (128, 96)), ({"scale": 1.5}, (96, 72)), ({"scale": 1.3}, (84, 62)), ({"width": 90}, (90, 68))],
)
def test_sides_of_a_result_are_even(toolbox: Toolbox, clip: str, asked: Any, size: tuple[int, int]) -> None:
    request = resolved(toolbox, "upscale", image=clip, **asked)
    assert (request.width, request.height) == size


def test_an_odd_side_that_was_asked_for_is_refused(toolbox: Toolbox, clip: str) -> None:
    (problem,) = refused(toolbox, "upscale", image=clip, width=75)
    assert problem.field == "width" and "75 is odd" in problem.message and "74 or 76" in problem.hint


def test_a_result_beyond_what_h264_holds_is_refused(toolbox: Toolbox, clip: str) -> None:
    (problem,) = refused(toolbox, "upscale", image=clip, width=20_000, upscaler="lanczos")
    assert (problem.code, problem.field) == ("IMAGE_TOO_LARGE", "scale")


@pytest.mark.parametrize("name", ["reference", "difference_map", "window"])
def test_what_is_for_pictures_is_refused(toolbox: Toolbox, clip: str, name: str) -> None:
    picture = toolbox.add_picture(saved(Image.fromarray(np.zeros((48, 64, 3), np.uint8))))
    value: Any = {"reference": picture, "difference_map": True, "window": (0, 0, 8, 8)}[name]
    (problem,) = refused(toolbox, "denoise", image=clip, **{name: value})
    assert problem.field == name and "is for pictures" in problem.message


def test_other_fields_and_tasks_take_no_video(toolbox: Toolbox, clip: str) -> None:
    picture = toolbox.add_picture(saved(Image.new("RGB", (64, 48))))
    assert refused(toolbox, "denoise", image=picture, reference=clip)[0].field == "reference"
    problems = refused(toolbox, "erase", image=clip, mask=picture)
    assert [one.field for one in problems] == ["image"] and "takes a picture" in problems[0].message


def test_a_video_is_kept_as_it_came(toolbox: Toolbox, tmp_path: Path) -> None:
    data = video(moving(3), format="matroska", sound="")
    (tmp_path / "Ferien 1.mkv").write_bytes(data)
    identity = toolbox.add_picture(tmp_path / "Ferien 1.mkv")
    path = toolbox.picture_path(identity)
    assert path.read_bytes() == data and path.suffix == ".mkv" and toolbox.store.is_video(identity)
    assert toolbox.store.size(identity) == (64, 48)
    assert [one.name for one in toolbox.inputs("video") if one.id == identity] == ["Ferien 1.mkv"]
    assert toolbox.add_picture(data) == identity


@pytest.mark.parametrize("data", [b"#EXTM3U\n", b"\x00\x00\x00\x08ftypmp42 and no more", b""])
def test_what_is_no_video_is_not_kept(toolbox: Toolbox, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(data)
    with pytest.raises(UserError) as caught:
        toolbox.add_picture(tmp_path / "film.mp4")
    assert caught.value.code == "IMAGE_INVALID" and str(tmp_path) not in str(caught.value)
    assert not [one for one in toolbox.inputs() if one.name == "film.mp4"]


def test_a_cancelled_job_leaves_no_file(toolbox: Toolbox) -> None:
    clip = toolbox.add_picture(video(moving(100, 256, 192), sound=""))

    def cancel(event: Event) -> None:
        if event.stage == "restoring":
            raise KeyboardInterrupt

    request = toolbox.parse("denoise", {"image": clip, "stages": ["non_local_means"], "noise": 5})
    with pytest.raises(KeyboardInterrupt):
        toolbox.run_request(request, on_event=cancel)
    (job,) = toolbox.jobs(["cancelled"])
    assert job.request["image"] == clip
    assert list(toolbox.settings.outputs.rglob("*.mp4")) == list(toolbox.settings.outputs.rglob(".*")) == []
