from __future__ import annotations

from collections.abc import Sequence

import pytest

from sdtoolbox.samplers.guidance import Remembering, between, classifier_free


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


def test_a_second_denoiser_is_served_from_the_same_network_call() -> None:
    calls.clear()
    remembering = Remembering(predict)  # type: ignore[arg-type]
    guided, alone = classifier_free(10.0, 1.0, 7)(remembering), remembering.alone(1.0)
    assert guided(1.0, 5.0) == 65.0  # type: ignore[arg-type]
    x = 1.0
    guided(x, 5.0)  # type: ignore[arg-type]
    assert (alone(x, 5.0), calls) == (2.0, [2, 2])  # type: ignore[arg-type]
    assert (alone(x, 4.0), calls) == (2.0, [2, 2, 1])  # type: ignore[arg-type]


def test_a_second_denoiser_asks_itself_where_guidance_left_its_condition_out() -> None:
    calls.clear()
    remembering = Remembering(predict)  # type: ignore[arg-type]
    x = 3.0
    classifier_free(10.0, None, 1)(remembering)(x, 5.0)  # type: ignore[arg-type]
    assert (remembering.alone(1.0)(x, 5.0), calls) == (4.0, [1, 1])  # type: ignore[arg-type]


def test_one_condition_after_the_other_gives_the_same() -> None:
    calls.clear()
    found = classifier_free(10.0, 1.0, 7, at_once=False)(predict)(1.0, 5.0)  # type: ignore[arg-type]
    assert (found, calls) == (65.0, [1, 1])  # type: ignore[comparison-overlap]


def test_guidance_within_an_interval_of_the_steps() -> None:
    active = between([10.0, 8.0, 5.0, 2.0, 0.0], 0.25, 0.75)
    assert [active(sigma) for sigma in (10.0, 8.0, 5.0, 2.0)] == [False, True, True, False]
    whole = between([10.0, 8.0, 0.0], 0.0, 1.0)
    assert whole(14.0)
    assert whole(0.001)
    calls.clear()
    denoise = classifier_free(10.0, 1.0, 7, active=active)(predict)  # type: ignore[arg-type]
    assert [denoise(1.0, sigma) for sigma in (10.0, 5.0, 1.0)] == [11.0, 65.0, 11.0]  # type: ignore[arg-type,comparison-overlap]
    assert calls == [1, 2, 1]
