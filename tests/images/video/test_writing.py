"""The file that a video becomes: what players expect of it."""

from __future__ import annotations

from fractions import Fraction
from tempfile import TemporaryFile
from typing import Any

import av
import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.video import writing
from sdtoolbox.images.video.colours import Colours
from sdtoolbox.images.video.writing import VideoWriter
from tests.images.videos import moving


def written(crf: int) -> bytes:
    with TemporaryFile() as file:
        writer = VideoWriter(file, (64, 48), Fraction(1, 25), Fraction(25), Colours(), crf, {})
        for i, pixels in enumerate(moving(6, noise=20)):
            writer.put(pixels, i, 1)
        writer.finish()
        file.seek(0)
        return file.read()


def test_it_is_h264_that_everything_plays() -> None:
    with TemporaryFile() as file:
        file.write(written(16))
        file.seek(0)
        with av.open(file) as container:
            (stream,) = container.streams.video
            assert (stream.codec_context.name, stream.pix_fmt, stream.profile) == ("h264", "yuv420p", "High")
            assert stream.frames == 6 and stream.duration * stream.time_base == Fraction(6, 25)


def test_a_higher_crf_is_a_smaller_file() -> None:
    assert len(written(10)) > 1.3 * len(written(20)) > 1.3 * len(written(40))


def test_a_missing_encoder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ENCODER", "libnothing")
    with pytest.raises(UserError, match=r"cannot write H\.264"):
        written(16)


def test_a_disk_that_is_full_is_said_as_such() -> None:
    class Full:
        name = ""

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def seek(self, *_: Any) -> int:
            return 0

        def tell(self) -> int:
            return 0

    writer = VideoWriter(Full(), (64, 48), Fraction(1, 25), Fraction(25), Colours(), 16, {})  # type: ignore[arg-type]

    def fill() -> None:
        for i in range(200):
            writer.put(np.random.default_rng(i).integers(0, 256, (48, 64, 3), np.uint8), i, 1)
        writer.finish()

    with pytest.raises(OSError, match="No space left") as caught:
        fill()
    assert caught.value.errno == 28
