from __future__ import annotations

import numpy as np
import pytest

from sdtoolbox.engine.restore.reach import measured_reach
from tests.tasks.restorers import blurred, enlarged


def test_it_is_how_far_a_function_looks() -> None:
    assert measured_reach(lambda pixels: pixels, 1, 40, 12) == 0
    assert measured_reach(blurred, 1, 40, 12) == 2
    assert measured_reach(lambda pixels: blurred(blurred(pixels)), 1, 40, 12) == 4
    assert measured_reach(enlarged(3), 3, 40, 12) == 1


def test_what_looks_at_everything_has_none() -> None:
    assert measured_reach(lambda pixels: pixels - pixels.mean(), 1, 40, 12) is None


@pytest.mark.parametrize("weight", [0.01, 0.4])
def test_what_is_too_weak_to_be_seen_does_not_count(weight: float) -> None:
    def far(pixels: np.ndarray) -> np.ndarray:
        return pixels + weight / 256 * np.roll(pixels, 9, axis=0)

    assert measured_reach(far, 1, 40, 12) == (0 if weight < 0.1 else 9)
