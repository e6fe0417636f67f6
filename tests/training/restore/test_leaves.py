import numpy as np
import pytest

from sdtoolbox.training.restore import leaves
from sdtoolbox.training.restore.leaves import Law, draw

LAW = Law(smallest=4.0, largest=400.0, coverings=2.0, texture=10.0, layers=1, focus=1.0)


def test_the_same_numbers_draw_the_same_picture_and_others_another(small: None) -> None:
    first = draw(3, 1)
    assert first.shape == (208, 208, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, draw(3, 1))
    assert not np.array_equal(first, draw(3, 2))
    assert not np.array_equal(first, draw(4, 1))


def test_pictures_have_contrast_and_fine_structure(small: None) -> None:
    for number in range(4):
        picture = draw(0, number).astype(float)
        assert picture.std() > 8.0
        assert np.abs(np.diff(picture, axis=0)).mean() > 0.5


def test_radii_follow_the_inverse_cube() -> None:
    radii = np.concatenate([LAW.radii(np.random.default_rng(seed)) for seed in range(40)])
    assert radii.min() >= LAW.smallest
    assert radii.max() <= LAW.largest
    # P(r > x) = (smallest / x)^2 far from the upper limit.
    for factor in (2.0, 4.0):
        assert (radii > factor * LAW.smallest).mean() == pytest.approx(factor**-2, rel=0.06)


def test_leaves_are_enough_to_cover_the_picture_as_often_as_the_law_says() -> None:
    areas = [np.pi * np.square(LAW.radii(np.random.default_rng(seed))).sum() for seed in range(40)]
    assert np.mean(areas) / leaves._DRAWN**2 == pytest.approx(LAW.coverings, rel=0.1)
