"""A video through both tasks that restore, with restorers of which one knows what they do."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sdtoolbox.errors import Cancelled
from sdtoolbox.images.video.remaking import Film
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.tasks import denoise, upscale
from sdtoolbox.tasks.restoring import NOTHING
from tests.images.videos import moving, packets, pictures, times, video
from tests.tasks.pictures import IMAGE, PictureContext
from tests.tasks.restorers import Fake, blurred, enlarged

CLIP = video(moving(8))


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    soft = Fake(blurred, reach=2, tile=64, name="soft", environment={"networks": [{"id": "soft"}], "device": "cpu"})
    found = PictureContext(tmp_path, soft=soft, double=Fake(enlarged(2), scale=2, reach=1, tile=64))
    (tmp_path / IMAGE).write_bytes(CLIP)
    return found


def made(ctx: PictureContext, request: Any, task: Any) -> tuple[bytes, Any]:
    """The bytes of the video and what was drawn; the file is gone when the task goes on."""
    running = task.run(request, ctx)
    drawn = next(running)
    assert isinstance(drawn.image, Film)
    data = drawn.image.file.read()
    assert list(running) == [] and drawn.image.file.closed
    return data, drawn


def denoised(ctx: PictureContext, *stages: str, **values: Any) -> tuple[bytes, Any]:
    given = {"image": IMAGE, "noise": 10, "jpeg_quality": 100, "stages": stages, "frames": 8, "crf": 4}
    return made(ctx, Denoise.parse(given | values), denoise)


def test_each_frame_goes_through_the_chain(ctx: PictureContext) -> None:
    data, drawn = denoised(ctx, "soft: strength=0.5")
    assert times(data) == times(CLIP) and packets(data) == packets(CLIP)
    for found, before in zip(pictures(data), pictures(CLIP), strict=True):
        assert np.abs(found - 255 * blurred(before.astype(np.float32) / 255)).mean() < 2
    assert ctx._models["soft"].noises == pytest.approx([5 / 255] * 8)
    assert drawn.measured == {"noise": 10.0, "jpeg_quality": 100.0}
    assert ctx.warnings == [] and not ctx.leased


def test_progress_counts_frames(ctx: PictureContext) -> None:
    denoised(ctx, "soft")
    assert ctx.stages == [("restoring", 0, 1, 64 * 48 * 8)]
    assert [step for _, step, _ in ctx.steps if step] == sorted(step for _, step, _ in ctx.steps if step)
    done = [share for share, _, _ in ctx.steps]
    assert done == sorted(done) and ctx.steps[-1] == (pytest.approx(1.0), 8, 8)
    assert len(ctx.previews) == 8


def test_more_frames_than_the_file_says_do_no_harm(ctx: PictureContext) -> None:
    data, _ = denoised(ctx, "soft", frames=3)
    assert len(times(data)) == 8 and ctx.steps[-1] == (1.0, 8, 8)


def test_the_environment_is_in_the_file(ctx: PictureContext) -> None:
    data, _ = denoised(ctx, "soft")
    with av.open(BytesIO(data)) as container:
        said = json.loads(container.metadata["comment"])
    assert said == {"device": "cpu", "networks": [{"id": "soft"}], "av": av.__version__}


def test_a_video_becomes_larger(ctx: PictureContext) -> None:
    given = {"image": IMAGE, "noise": 0, "jpeg_quality": 100, "width": 100, "height": 76, "frames": 8}
    data, drawn = made(ctx, Upscale.parse(given | {"upscaler": "double"}), upscale)
    assert drawn.image.size == (100, 76) and pictures(data)[7].shape == (76, 100, 3)
    assert packets(data) == packets(CLIP)


def test_nothing_to_be_done_is_said_once(ctx: PictureContext) -> None:
    data, _ = denoised(ctx)
    assert len(times(data)) == 8 and ctx.warnings == [NOTHING]


def test_cancelling_leaves_nothing(ctx: PictureContext, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    scratch = ctx.scratch

    def kept() -> Any:
        files.append(scratch())
        return files[-1]

    def step(done: float, *, step: int | None = None, steps: int | None = None) -> None:
        if done > 0.3:
            raise Cancelled

    monkeypatch.setattr(ctx, "scratch", kept)
    monkeypatch.setattr(ctx, "step", step)
    with pytest.raises(Cancelled):
        denoised(ctx, "soft")
    assert len(ctx._models["soft"].noises) == 3, "it ends within the frame in hand"
    assert files[0].closed
