import numpy as np
import pytest

pytest.importorskip("skimage")

from sdtoolbox.training.restore.photographs import NAMES, SIDE, photographs


def test_all_are_colour_pictures_of_the_same_size_and_none_is_twice_there() -> None:
    found = photographs()
    assert tuple(found) == NAMES
    for picture in found.values():
        assert picture.shape == (SIDE, SIDE, 3)
        assert picture.dtype == np.uint8
    assert len({picture.tobytes() for picture in found.values()}) == len(NAMES)
