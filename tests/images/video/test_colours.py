"""Colours come back as they were, whatever the matrix, the range and the size say."""

from __future__ import annotations

from fractions import Fraction
from tempfile import TemporaryFile

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from sdtoolbox.images.video.colours import BT601, BT709, Colours, colours_of, from_rgb, to_rgb
from sdtoolbox.images.video.frames import first_frame
from sdtoolbox.images.video.writing import VideoWriter

FLAT = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 30), (20, 180, 60), (30, 40, 220), (240, 200, 10)]


@pytest.mark.parametrize("matrix", [BT709, BT601, 5, 7, 9])
@pytest.mark.parametrize("colour", FLAT)
def test_a_flat_colour_survives_the_round_trip(matrix: int, colour: tuple[int, int, int]) -> None:
    pixels = np.full((48, 64, 3), colour, np.uint8)
    with TemporaryFile() as file:
        writer = VideoWriter(file, (64, 48), Fraction(1, 25), Fraction(25), Colours(matrix, 1, 1), 16, {})
        writer.put(pixels, 0, 1)
        writer.finish()
        file.seek(0)
        data = file.read()
    assert np.abs(first_frame(data).pixels.astype(int) - pixels).max() <= 2


def test_the_file_says_which_colours_it_has() -> None:
    with TemporaryFile() as file:
        writer = VideoWriter(file, (64, 48), Fraction(1, 25), Fraction(25), Colours(9, 9, 16), 16, {})
        writer.put(np.zeros((48, 64, 3), np.uint8), 0, 1)
        writer.finish()
        file.seek(0)
        with av.open(file, format="mp4") as container:
            frame = next(container.decode(video=0))
    found = frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range
    assert found == (9, 9, 16, ColorRange.MPEG)


@pytest.mark.parametrize(("height", "matrix"), [(576, BT601), (720, BT709)])
def test_a_video_that_says_nothing_is_taken_as_players_do(height: int, matrix: int) -> None:
    frame = av.VideoFrame(64, height, "yuv420p")
    frame.colorspace = 2
    assert colours_of(frame).matrix == matrix


def test_full_range_is_read_as_such() -> None:
    frame = from_rgb(np.full((16, 16, 3), 255, np.uint8), Colours())
    assert to_rgb(frame).min() == 255
    frame.color_range = ColorRange.JPEG  # the same numbers mean less light then: white is 255, and this is 235
    assert abs(int(to_rgb(frame).max()) - 235) <= 1
