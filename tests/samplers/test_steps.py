from __future__ import annotations

import pytest

from sdtoolbox.samplers.steps import step_of

SIGMAS = [10.0, 8.0, 5.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("sigma", "step"),
    [(14.0, 0), (10.0, 0), (8.1, 0), (8.0, 1), (5.1, 1), (5.0, 2), (2.0, 3), (0.1, 3), (0.0, 3), (8.0 * (1 + 1e-9), 1)],
)
def test_a_step_begins_at_its_own_noise_level(sigma: float, step: int) -> None:
    assert step_of(SIGMAS)(sigma) == step


def test_a_single_step_is_the_whole_way() -> None:
    assert [step_of([10.0, 0.0])(sigma) for sigma in (20.0, 10.0, 1.0, 0.0)] == [0, 0, 0, 0]
