from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.images.faces.squares import FFHQ_POINTS, FFHQ_SIDE, Face

ASTRONAUT = ((203.7, 101.3), (246.7, 103.3), (225.0, 127.5), (204.7, 140.8), (243.7, 141.7))
"""Where her eyes, the tip of her nose and the corners of her mouth are, read off the picture."""


def seen(face: Face, points: np.ndarray, side: int) -> np.ndarray:
    """Where points of a picture come to lie in a face's square."""
    return (points - 0.5) @ face.matrix(side)[:, :2].T + face.matrix(side)[:, 2] + 0.5


@pytest.mark.parametrize("angle", [0.0, 0.3, -1.4, 3.0])
def test_five_points_tell_the_square_whatever_its_place_size_and_turn(angle: float) -> None:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (np.array(FFHQ_POINTS) - FFHQ_SIDE / 2) * 0.4 @ turn + (300, 120)
    face = Face.of_points(points)
    assert (face.x, face.y, face.side) == pytest.approx((300, 120, 0.4 * FFHQ_SIDE))
    assert face.angle == pytest.approx(angle)
    assert np.abs(seen(face, points, FFHQ_SIDE) - FFHQ_POINTS).max() < 1e-6


def test_five_points_of_a_real_face_come_close_to_those_of_ffhq() -> None:
    face = Face.of_points(ASTRONAUT)
    assert np.abs(seen(face, np.array(ASTRONAUT), FFHQ_SIDE) - FFHQ_POINTS).max() < 10
    assert 0 < np.degrees(face.angle) < 4  # the eye on the right is lower


def test_points_in_one_place_are_no_face() -> None:
    with pytest.raises(ValueError, match="no face"):
        Face.of_points(np.ones((5, 2)))


def test_a_box_of_the_cascade_gives_the_square_of_the_five_points() -> None:
    by_points = Face.of_points(ASTRONAUT)
    by_box = Face.of_box(176.5, 69.5, 93, 93)
    assert abs(by_box.x - by_points.x) < 3 and abs(by_box.y - by_points.y) < 3
    assert by_box.side == pytest.approx(by_points.side, rel=0.05)


def test_scaled_and_moved_with_its_picture() -> None:
    face = Face(30, 20, 16, 0.2)
    assert face.scaled(2).moved(-10, -5) == Face(50, 35, 32, 0.2)
    points = np.array([[22.0, 14.0], [31.5, 27.0]])
    assert np.abs(seen(face, points, 64) - seen(face.scaled(2), points * 2, 64)).max() < 1e-9


def test_the_part_of_a_picture_that_a_square_shows() -> None:
    box = Face(50, 40, 20).box((100, 80))
    assert box is not None
    assert box[0] < 40 and box[1] < 30 and box[2] > 60 and box[3] > 50
    turned = Face(50, 40, 20, np.pi / 4).box((100, 80))
    assert turned is not None and turned[0] < box[0]
    assert Face(0, 0, 20).box((100, 80)) == (0, 0, box[2] - 50, box[3] - 40)
    assert Face(-30, 40, 20).box((100, 80)) is None
