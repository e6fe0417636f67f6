from __future__ import annotations

from itertools import combinations

import pytest

from sdtoolbox.prompts.choices import Chance, Odometer


@pytest.mark.parametrize(("possible", "count"), [(1, 1), (4, 1), (4, 2), (5, 3), (3, 3), (3, 0)])
def test_the_odometer_goes_through_every_combination_once(possible: int, count: int) -> None:
    odometer, found = Odometer(), []
    while True:
        found.append(tuple(odometer([1.0] * possible, count)))
        if not odometer.turn():
            break
    assert found == list(combinations(range(possible), count))


def test_the_odometer_follows_decisions_that_depend_on_others() -> None:
    odometer, found = Odometer(), []
    while True:
        (first,) = odometer([1.0, 1.0], 1)
        found.append((first, *(odometer([1.0] * 3, 1) if first else [])))
        if not odometer.turn():
            break
    assert found == [(0,), (1, 0), (1, 1), (1, 2)]


def test_chance_takes_each_once_in_rising_order() -> None:
    for seed in range(50):
        taken = Chance(str(seed))([1.0, 5.0, 0.0, 2.0], 3)
        assert taken == sorted(set(taken)) and len(taken) == 3
    assert Chance("1")([0.0, 0.0], 2) == [0, 1]
