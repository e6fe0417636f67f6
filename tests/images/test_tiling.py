from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.tiling import Side

SIDES = [
    *((64, 64, 8), (65, 64, 8), (100, 64, 8), (97, 16, 5), (30, 4, 3), (30, 10, 7)),
    *((7, 1, 0), (200, 64, 63), (5, 9, 9)),
]


@pytest.mark.parametrize("circle", [False, True])
@pytest.mark.parametrize(("size", "tile", "overlap"), SIDES)
def test_tiles_of_one_size_cover_all_and_count_as_one(size: int, tile: int, overlap: int, circle: bool) -> None:
    side = Side.of(size, tile, overlap, circle=circle)
    assert side.tile == min(size, tile)
    assert side.starts[0] == 0
    ends = [size + side.starts[0]] if circle else []
    for one, other in pairwise([*side.starts, *ends]):
        assert len(side.starts) == 1 or 0 < other - one <= tile - overlap
    if not circle:
        assert side.starts[-1] + side.tile == size
    for factor in (1, 3):
        total = np.zeros(size * factor)
        for start, weights in zip(side.starts, side.weights(factor), strict=True):
            assert (weights >= 0).all()
            total[side.places(start, factor)] += weights
        np.testing.assert_allclose(total, 1, rtol=0, atol=1e-6)


def test_no_more_tiles_than_needed() -> None:
    assert Side.of(64, 64, 32).starts == (0,)
    assert Side.of(112, 64, 16).starts == (0, 48)
    assert Side.of(113, 64, 16).starts == (0, 24, 49)
    assert Side.of(96, 64, 16, circle=True).starts == (0, 48)


def test_tiles_that_only_overlap_are_refused() -> None:
    with pytest.raises(UserError, match="as much as they are wide") as caught:
        Side.of(65, 64, 64)
    assert (caught.value.code, caught.value.field) == ("PARAM_INVALID", "tile_overlap")


@pytest.mark.parametrize("size", [96, 104, 200, 1000])
def test_within_the_margins_of_inner_ends_a_tile_counts_nothing(size: int) -> None:
    side = Side.of(size, 48, 20, margin=8, multiple=8)
    assert all(start % 8 == 0 for start in side.starts)
    weights = side.weights(2)
    assert not weights[1:, :16].any()
    assert not weights[:-1, -16:].any()
    assert (weights[0, :16] == 1).all() and (weights[-1, -16:] == 1).all()
    total = np.zeros(size * 2)
    for start, window in zip(side.starts, weights, strict=True):
        total[side.places(start, 2)] += window
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-6)


def test_sides_that_cannot_be_laid_out_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="not of 8"):
        Side.of(100, 48, 20, multiple=8)
    with pytest.raises(ValueError, match="margins of 11"):
        Side.of(96, 48, 20, margin=11)
