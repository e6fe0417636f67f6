"""How far two videos are apart."""

from __future__ import annotations

import numpy as np

from sdtoolbox.images.video.comparing import apart
from tests.images.videos import moving, video


def test_a_video_is_equal_to_itself() -> None:
    data = video(moving(4))
    assert apart(data, data) == 0


def test_the_largest_difference_counts() -> None:
    frames = [np.full((48, 64, 3), 100, np.uint8) for _ in range(4)]
    changed = [*frames[:3], np.full((48, 64, 3), 130, np.uint8)]
    found = apart(video(frames, sound=""), video(changed, sound=""))
    assert found is not None and 28 <= found <= 32


def test_another_number_or_size_is_no_comparison() -> None:
    data = video(moving(4), sound="")
    assert apart(data, video(moving(3), sound="")) is None
    assert apart(data, video(moving(4, 80, 48), sound="")) is None
