"""What is unknown continues what is known: smoothly, and as flat as it is."""

from __future__ import annotations

import numpy as np

from sdtoolbox.images.filling import spread


def test_what_is_known_stays_and_a_flat_colour_spreads() -> None:
    values = np.zeros((37, 51, 3), np.float32)
    weights = np.zeros((37, 51), np.float32)
    values[5:9, 6:11], weights[5:9, 6:11] = (3, 1, 2), 1
    found = spread(values, weights)
    assert np.allclose(found, (3, 1, 2), atol=1e-4)


def test_a_slope_is_continued_through_a_hole() -> None:
    ramp = np.arange(64, dtype=np.float32)[None, :, None].repeat(64, axis=0)
    weights = np.ones((64, 64), np.float32)
    weights[20:44, 20:44] = 0
    found = spread(np.where(weights[..., None] > 0, ramp, 999), weights)
    assert np.array_equal(found[weights > 0], ramp[weights > 0])
    assert np.abs(found - ramp).max() < 1.5  # of 24 levels across the hole
    assert np.abs(np.diff(found[..., 0], axis=1) - 1).max() < 0.5  # and no step at its edge


def test_nothing_known_is_nothing() -> None:
    assert not spread(np.ones((8, 8, 3), np.float32), np.zeros((8, 8), np.float32)).any()
