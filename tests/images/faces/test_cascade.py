from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from sdtoolbox.images.faces.cascade import Cascade
from sdtoolbox.images.faces.finding import faces_in
from sdtoolbox.images.faces.squares import Face

HERS = Face(225, 106, 165)
"""The square that the five points of scikit-image's astronaut ask for."""


def astronaut(scale: float = 0.5) -> np.ndarray:
    return np.asarray(cv2.resize(data.astronaut(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def is_hers(face: Face, scale: float) -> bool:
    apart = np.hypot(face.x / scale - HERS.x, face.y / scale - HERS.y)
    return bool(apart < 6 and abs(face.side / scale / HERS.side - 1) < 0.12)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.6])
def test_the_astronaut_is_found_where_she_is(scale: float) -> None:
    (face,) = faces_in(astronaut(scale), Cascade())
    assert is_hers(face, scale) and face.angle == 0


@pytest.mark.parametrize("damage", ["noise", "blur", "grey"])
def test_in_a_bad_picture_too(damage: str) -> None:
    pixels = astronaut()
    if damage == "noise":
        noise = np.random.default_rng(0).normal(0, 25, pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    elif damage == "blur":
        pixels = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    else:
        pixels = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    (face,) = faces_in(pixels, Cascade())
    assert is_hers(face, 0.5)


def test_several_and_the_same_again() -> None:
    pixels = astronaut()
    both = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    found = faces_in(both, Cascade())
    assert sorted(round(face.x / 10) for face in found) == [11, 40]
    assert faces_in(both, Cascade()) == found


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "immunohistochemistry"])
def test_where_nobody_is_nobody_is_found(name: str) -> None:
    pixels = getattr(data, name)()
    assert faces_in(cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), Cascade()) == ()


def test_pictures_of_any_size() -> None:
    for size in ((1, 1), (3, 700), (30, 20)):
        assert faces_in(np.full((*size, 3), 90, np.uint8), Cascade()) == ()
