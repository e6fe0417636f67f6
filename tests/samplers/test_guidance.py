from __future__ import annotations

from collections.abc import Sequence

import pytest

from sdtoolbox.samplers.guidance import classifier_free


def predict(x: float, sigma: float, conditions: Sequence[float]) -> list[float]:
    calls.append(len(conditions))
    return [x + condition for condition in conditions]


calls: list[int] = []


@pytest.mark.parametrize(("scale", "expected"), [(0, 2.0), (1, 11.0), (7, 65.0)])
def test_from_the_unconditional_estimate_towards_the_conditional_one(scale: float, expected: float) -> None:
    assert classifier_free(10.0, 1.0, scale)(predict)(1.0, 5.0) == expected  # type: ignore[arg-type]


def test_one_network_call_with_both_conditions_and_with_one_where_guidance_is_1() -> None:
    calls.clear()
    classifier_free(10.0, 1.0, 7)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    classifier_free(10.0, None, 1)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    assert calls == [2, 1]
