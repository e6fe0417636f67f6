"""A video made of another: as many frames at the same times, the same sound, and what cannot stay is said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

import av
import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video import remaking
from sdtoolbox.images.video.reel import MISSING
from sdtoolbox.images.video.remaking import Film, remade
from tests.images.videos import RATE, STEP, moving, packets, pictures, times, turned, video


def remake(data: bytes, change: Any = lambda raster: raster, crf: int = 10, **texts: str) -> tuple[bytes, Film]:
    with TemporaryFile() as file:
        film = remade(data, file, change, lambda: texts, crf)
        return file.read(), film


def doubled(raster: Raster) -> Raster:
    return replace(raster, pixels=raster.pixels.repeat(2, axis=0).repeat(2, axis=1))


def test_frames_times_and_sound_stay() -> None:
    data = video(moving(24))
    found, film = remake(data, comment="yes")
    assert len(pictures(found)) == 24 and times(found) == times(data)
    assert packets(found) == packets(data)
    assert film.size == (64, 48) and film.notes == ()
    apart = [np.abs(one.astype(int) - other).mean() for one, other in zip(pictures(found), pictures(data), strict=True)]
    assert max(apart) < 2
    with av.open(BytesIO(found)) as container:
        assert container.metadata["comment"] == "yes"


def test_the_same_video_gives_the_same_bytes() -> None:
    data = video(moving(12))
    assert remake(data)[0] == remake(data)[0]


def test_frames_that_lie_unevenly_stay_where_they_lie() -> None:
    uneven = [0, STEP, 3 * STEP, 3 * STEP + 7, 10 * STEP, 30 * STEP]
    data = video(moving(6), times=uneven, sound="")
    found, _ = remake(data)
    assert times(found) == times(data) == [Fraction(one, 12_800) for one in uneven]


@pytest.mark.parametrize(
    ("format", "codec", "pix_fmt", "sound", "kept"),
    [
        ("mov", "libx264", "yuv420p", "aac", True),
        ("matroska", "libx264", "yuv420p", "flac", True),
        ("matroska", "ffv1", "bgr0", "ac3", True),
        ("webm", "libvpx-vp9", "yuv420p", "libopus", True),
        ("avi", "mpeg4", "yuv420p", "pcm_s16le", False),
        ("mov", "libx264", "yuv444p", "pcm_s16le", False),
    ],
)
def test_other_containers(format: str, codec: str, pix_fmt: str, sound: str, kept: bool) -> None:
    data = video(moving(24), format=format, codec=codec, pix_fmt=pix_fmt, sound=sound, options={})
    found, film = remake(data)
    assert len(times(found)) == 24
    assert max(abs(one - other) for one, other in zip(times(found), times(data), strict=True)) < Fraction(1, 1000)
    if kept:
        assert packets(found) == packets(data) and film.notes == ()
    else:
        assert film.notes == ("the sound was pcm_s16le, which an MP4 does not hold: it is AAC now",)
        assert len(packets(found)) == pytest.approx(0.96 * RATE / 1024, abs=3)


def test_the_size_may_be_another() -> None:
    found, film = remake(video(moving(4), sound=""), doubled)
    assert film.size == film.first.size == (128, 96) and pictures(found)[3].shape == (96, 128, 3)


def test_odd_sides_get_a_line_more_and_lose_none() -> None:
    data = video(moving(3, 65, 47), format="matroska", codec="ffv1", pix_fmt="bgr0", sound="", options={})
    found, film = remake(data, crf=1)
    assert film.size == (66, 48)
    assert film.notes == ("an edge is repeated, to 66x48 pixels: the sides of a video are even",)
    (first, *_), (before, *_) = pictures(found), pictures(data)
    # Chroma has half as many pixels, so brightness is compared.
    assert np.abs(first[:47, :65].mean(-1) - before.mean(-1)).max() < 12
    assert np.abs(first[:47, 65].astype(int) - first[:47, 64]).max() < 12


def test_a_turned_video_is_upright_and_needs_no_turning() -> None:
    data = video(moving(3), sound="")
    found, film = remake(turned(data))
    assert film.size == (48, 64)
    assert np.abs(pictures(found)[0].astype(int) - np.rot90(pictures(data)[0], -1)).mean() < 2


def test_ten_bits_become_eight() -> None:
    _, film = remake(video(moving(3), pix_fmt="yuv420p10le", sound=""))
    assert film.notes == ("the video has 10 bits a channel, the result has 8",)


def test_pixels_that_are_no_squares_stay_so() -> None:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(moving(1)[0], format="rgb24")))
        container.mux(stream.encode(None))
    found, _ = remake(buffer.getvalue(), doubled)
    with av.open(BytesIO(found)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_a_video_that_breaks_off_is_made_as_far_as_it_goes() -> None:
    data = video(moving(24), format="matroska", sound="", options={"g": "1"})
    found, film = remake(data[: len(data) * 2 // 3])
    assert 8 < len(times(found)) < 24
    assert film.notes in ((MISSING,), ())  # Matroska does not say how many there should be


def test_frames_that_are_damaged_are_left_out_and_said() -> None:
    data = bytearray(video(moving(24), sound="", options={"g": "1", "bf": "0"}))
    with av.open(BytesIO(bytes(data))) as container:
        at = [(one.pos, one.size) for one in container.demux(video=0) if one.size]
    for place, size in at[5:8]:
        data[place : place + size] = b"\xff" * size
    found, film = remake(bytes(data))
    assert len(times(found)) == 21 and film.notes == (MISSING,)


def test_what_goes_wrong_in_the_change_is_nobody_elses_fault() -> None:
    def fail(raster: Raster) -> Raster:
        raise MemoryError("ours")

    with pytest.raises(MemoryError, match="ours"):
        remake(video(moving(2)), fail)


def test_frames_are_handed_over_one_at_a_time() -> None:
    alive: list[int] = []

    class EnoughError(Exception):
        pass

    def change(raster: Raster) -> Raster:
        alive.append(1)
        if len(alive) == 3:
            raise EnoughError
        return raster

    with pytest.raises(EnoughError):
        remake(video(moving(24)), change)
    assert len(alive) == 3, "what comes later is not decoded before it is asked for"


def test_more_frames_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remaking, "MOST_FRAMES", 3)
    with pytest.raises(UserError, match="more than 3 frames"):
        remake(video(moving(4), sound=""))
