"""What such a job cost before: the same size exactly, another one in proportion."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.schema.restoring import Denoise
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.workers.history import Cost, History


@pytest.fixture
def timings(tmp_path: Path) -> Timings:
    return Timings(Database(tmp_path / "a.sqlite3"))


def request(**values: object) -> Txt2Img:
    defaults = {"checkpoint": "c", "width": 64, "height": 64, "steps": 4, "sampler": "euler", "guidance_scale": 5.0}
    return Txt2Img.parse(defaults | values)


def test_what_is_remembered_comes_back(timings: Timings) -> None:
    assert History(timings, request(), "cpu").cost("sampling") is None
    History(timings, request(), "cpu").remember({"sampling": Cost(0.5, 1.0)})
    assert History(timings, request(steps=50, seed=3), "cpu").cost("sampling") == Cost(0.5, 1.0)


@pytest.mark.parametrize("other", [{"checkpoint": "d"}, {"sampler": "heun"}, {"guidance_scale": 1.0}])
def test_other_work_is_not_compared(timings: Timings, other: dict[str, object]) -> None:
    History(timings, request(), "cpu").remember({"sampling": Cost(0.5, 1.0)})
    assert History(timings, request(**other), "cpu").cost("sampling") is None
    assert History(timings, request(), "cuda:0").cost("sampling") is None


def test_another_size_is_scaled_by_its_pixels(timings: Timings) -> None:
    costs = {"loading": Cost(3, 1), "encoding": Cost(1, 2), "sampling": Cost(0.5, 1), "decoding": Cost(0.001, 4096)}
    History(timings, request(), "cpu").remember(costs)
    four_times = History(timings, request(width=128, batch_size=2), "cpu")
    assert four_times.cost("loading") == costs["loading"]
    assert four_times.cost("encoding") == costs["encoding"]
    assert four_times.cost("sampling") == Cost(2.0, 1)
    assert four_times.cost("decoding") == Cost(0.001, 16384)


def test_the_nearest_size_is_taken(timings: Timings) -> None:
    for width, unit in ((64, 1.0), (256, 9.0)):
        History(timings, request(width=width), "cpu").remember({"sampling": Cost(unit, 1.0)})
    assert History(timings, request(width=240), "cpu").cost("sampling") == Cost(pytest.approx(9 * 240 / 256), 1.0)  # type: ignore[arg-type]
    assert History(timings, request(width=64), "cpu").cost("sampling") == Cost(1.0, 1.0)


def test_a_video_is_scaled_by_its_frames_and_is_no_picture(timings: Timings) -> None:
    def denoise(frames: int | None) -> History:
        return History(timings, Denoise.parse({"image": "a" * 32, "frames": frames}), "cpu")

    denoise(100).remember({"restoring": Cost(1e-6, 100 * 64 * 48)})
    assert denoise(200).cost("restoring") == Cost(1e-6, 200 * 64 * 48)
    assert denoise(None).cost("restoring") is None
