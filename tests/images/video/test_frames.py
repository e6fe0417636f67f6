"""What a video is, and single frames of it."""

from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.video import frames
from sdtoolbox.images.video.frames import Facts, facts_of, first_frame, some_frames
from tests.images.videos import moving, turned, video


def test_facts() -> None:
    assert facts_of(video(moving(24))) == Facts((64, 48), 24, 0.96)


@pytest.mark.parametrize(("format", "codec"), [("matroska", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx-vp9")])
def test_frames_are_counted_where_the_file_does_not_say(format: str, codec: str) -> None:
    assert facts_of(video(moving(12), format=format, codec=codec, sound="", options={})).frames == 12


def test_without_a_length_packets_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "seconds_of", lambda container, stream: 0.0)
    assert facts_of(video(moving(12), format="matroska", sound="")).frames == 12


def test_a_turned_video_is_seen_upright() -> None:
    data = video(moving(2), sound="")
    assert facts_of(turned(data)).size == (48, 64)
    assert np.array_equal(first_frame(turned(data)).pixels, np.rot90(first_frame(data).pixels, -1))


def test_frames_from_all_over() -> None:
    clip = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(25)]
    found = some_frames(video(clip, sound="", options={"g": "1", "crf": "4"}), 5)
    seen = [round(float(one.pixels.mean()) / 10) for one in found]
    assert len(seen) == 5 and seen == sorted(seen)
    assert np.abs(np.array(seen) - [2, 7, 12, 17, 22]).max() <= 1


def test_a_single_frame_is_enough() -> None:
    assert len(some_frames(video(moving(1), sound=""), 5)) == 1


def test_a_video_without_a_frame_is_refused() -> None:
    data = bytearray(video(moving(3), sound="", format="matroska"))
    at = data.index(b"\x1f\x43\xb6\x75") + 16  # the pictures begin behind the first cluster's head
    data[at:] = bytes(len(data) - at)
    with pytest.raises(UserError, match="damaged"):
        facts_of(bytes(data))
