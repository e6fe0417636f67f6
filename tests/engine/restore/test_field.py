"""Noise of places: any cut of the plane is that part of every larger cut."""

from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.engine.restore.field import CELL, noise_at


@pytest.mark.parametrize(
    ("top", "left", "height", "width"),
    [(0, 0, 5, 7), (CELL - 1, 3, 2, 1), (CELL, CELL, CELL, CELL), (30, 50, 100, 90), (129, 131, 3, 60)],
)
def test_a_part_is_a_part_of_the_whole(top: int, left: int, height: int, width: int) -> None:
    whole = noise_at(3, 0, 4, (0, 0), (200, 200))
    part = noise_at(3, 0, 4, (top, left), (height, width))
    assert part.dtype == np.float32
    assert np.array_equal(part, whole[:, top : top + height, left : left + width])


def test_it_is_unit_noise_and_its_cells_are_strangers() -> None:
    noise = noise_at(0, 0, 3, (0, 0), (3 * CELL, 3 * CELL))
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    cells = noise.reshape(3, 3, CELL, 3, CELL).transpose(1, 3, 0, 2, 4).reshape(9, -1)
    assert np.abs(np.corrcoef(cells) - np.eye(9)).max() < 0.05


def test_seeds_and_streams_differ() -> None:
    made = [noise_at(seed, stream, 4, (0, 0), (8, 8)) for seed in (0, 1) for stream in (0, 1)]
    assert len({one.tobytes() for one in made}) == 4
