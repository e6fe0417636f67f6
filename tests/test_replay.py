"""The first thing that differs is named; another model is never taken in a missing one's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_bytes, read_text, video_tags
from sdtoolbox.images.opening import open_picture
from sdtoolbox.replay import first_cause, recorded_threads, replay
from sdtoolbox.toolbox import Toolbox
from tests.images.videos import moving, video

ENVIRONMENT = {"checkpoint": {"name": "a", "sha256": "1" * 64}, "device": "cpu", "threads": 2, "torch": "2.15.0"}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            {"checkpoint": {"name": "a", "sha256": "2" * 64}, "torch": "3"},
            "checkpoint a was 1111111111 and is 2222222222",
        ),
        (
            {"checkpoint": {"name": "b", "sha256": "2" * 64}},
            "checkpoint was a 1111111111 and is b 2222222222",
        ),
        ({"checkpoint": {"name": "b", "sha256": "1" * 64}, "torch": "3"}, "torch was 2.15.0 and is 3"),
        (
            {"adapters": [{"name": "ink", "sha256": "3" * 64}], "torch": "3"},
            "adapter was none and is ink 3333333333",
        ),
        ({"vae": {"name": "soft", "sha256": "4" * 64}}, "VAE was none and is soft 4444444444"),
        ({"threads": 1, "torch": "3"}, "threads was 2 and is 1"),
        ({"torch": "2.16.0"}, "torch was 2.15.0 and is 2.16.0"),
        ({}, ""),
    ],
)
def test_the_likeliest_cause_is_named_first(change: dict[str, Any], cause: str) -> None:
    assert first_cause(ENVIRONMENT, ENVIRONMENT | change) == cause


def write(file: Path, exact: dict[str, Any]) -> Path:
    file.write_bytes(png_bytes(Image.new("RGB", (64, 64)), "", exact))
    return file


def test_threads_are_asked_for_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.png", {"environment": ENVIRONMENT})
    assert recorded_threads(file) == 2
    for odd in ({}, {"environment": {"threads": "2"}}, {"environment": {"threads": -1}}, {"environment": []}):
        assert recorded_threads(write(file, odd)) is None


def test_a_missing_checkpoint_is_an_error(tmp_path: Path, tiny_models: Path) -> None:
    exact = {"task": "txt2img", "request": {"checkpoint": "f" * 32}, "environment": ENVIRONMENT, "index": 0}
    file = write(tmp_path / "a.png", exact)
    with Toolbox.open(home=tmp_path / "home", model_folders=(tiny_models,)) as toolbox:
        with pytest.raises(UserError, match=r"there is no checkpoint 'a' \(1111111111\) here") as caught:
            replay(file, toolbox)
        assert caught.value.code == "MODEL_MISSING"
        assert toolbox.jobs() == []


def test_a_moved_checkpoint_is_found_by_its_name(tmp_path: Path, tiny_models: Path) -> None:
    with Toolbox.open(home=tmp_path / "home", model_folders=(tiny_models,)) as toolbox:
        result = toolbox.run("txt2img", checkpoint="tiny", prompt="a tree", seed=3, steps=2)
        file = toolbox.picture_path(result.pictures[0].id)
        exact = json.loads(open_picture(file).text["sdtoolbox"])  # type: ignore[attr-defined]
        exact["request"]["checkpoint"] = "0" * 32
        moved = tmp_path / "moved.png"
        moved.write_bytes(png_bytes(open_picture(file), "", exact))
        assert replay(moved, toolbox).identical


def test_a_resized_picture_is_not_compared(tmp_path: Path, tiny_models: Path) -> None:
    with Toolbox.open(home=tmp_path / "home", model_folders=(tiny_models,)) as toolbox:
        result = toolbox.run("txt2img", checkpoint="tiny", seed=3, steps=1)
        image = open_picture(toolbox.picture_path(result.pictures[0].id))
        small = tmp_path / "small.png"
        small.write_bytes(png_bytes(image.resize((32, 32)), "", json.loads(image.text["sdtoolbox"])))  # type: ignore[attr-defined]
        outcome = replay(small, toolbox)
        assert not outcome.identical
        assert "resized" in outcome.cause


def test_a_video_is_drawn_again_and_compared_frame_by_frame(tmp_path: Path) -> None:
    with Toolbox.open(home=tmp_path / "home", safe_mode=True) as toolbox:
        clip = toolbox.add_picture(video(moving(5)))
        result = toolbox.run("denoise", image=clip, stages=["median"], noise=0, jpeg_quality=100)
        file = toolbox.picture_path(result.pictures[0].id)
        assert replay(file, toolbox).identical
        said = read_text(file)
        assert said.exact is not None
        other = tmp_path / "other.mp4"
        other.write_bytes(video(moving(5), tags=video_tags("", said.exact)))
        outcome = replay(other, toolbox)
        assert not outcome.identical and outcome.max_difference > 0
        shorter = tmp_path / "shorter.mp4"
        shorter.write_bytes(video(moving(4), tags=video_tags("", said.exact)))
        assert "cut" in replay(shorter, toolbox).cause
