from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.images.faces.finding import LEAST, SEEN, faces_in
from sdtoolbox.images.faces.squares import Face


class Told:
    """A detector that finds what it is told, and notes what it was shown."""

    def __init__(self, *faces: Face) -> None:
        self.found = list(faces)
        self.shown = np.zeros(0, np.uint8)

    def __call__(self, pixels: np.ndarray) -> list[Face]:
        self.shown = pixels
        return self.found


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_large_pictures_are_looked_at_small_and_places_are_those_of_the_large_one(kind: type) -> None:
    pixels = np.full((1000, 2000, 3), np.iinfo(kind).max // 2, kind)
    detector = Told(Face(100, 50, 40, 0.1))
    (face,) = faces_in(pixels, detector)
    assert detector.shown.shape == (SEEN // 2, SEEN, 3) and detector.shown.dtype == np.uint8
    assert abs(int(detector.shown[0, 0, 0]) - 127) <= 1
    factor = 2000 / SEEN
    assert (face.x, face.y, face.side, face.angle) == pytest.approx((100 * factor, 50 * factor, 40 * factor, 0.1))


def test_small_pictures_are_looked_at_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    detector = Told()
    assert faces_in(pixels, detector) == ()
    assert np.array_equal(detector.shown, pixels)


def test_the_largest_come_first_and_what_is_too_small_or_outside_is_left_out() -> None:
    detector = Told(Face(50, 50, 30), Face(20, 20, 60), Face(40, 40, LEAST - 1), Face(-1, 40, 50), Face(40, 100, 50))
    assert [face.side for face in faces_in(np.zeros((100, 100, 3), np.uint8), detector)] == [60, 30]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (7, 5)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    assert faces_in(np.zeros((*size, 3), np.uint8), Told()) == ()
