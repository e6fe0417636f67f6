"""Sums of estimates against exact arithmetic: a condition is a number that is added to x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sdtoolbox.samplers.composition import AT_ONCE, Mixture, composed, mixing, remainder
from sdtoolbox.samplers.guidance import Remembering, classifier_free


class Asked:
    """A `Predict` that notes the conditions of each call."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []

    def __call__(self, x: Any, sigma: float, conditions: Sequence[float]) -> list[Any]:
        self.calls.append(list(conditions))
        return [x + condition for condition in conditions]


def always(value: float) -> Any:
    return lambda sigma: value


def guide(parts: Sequence[tuple[float, Any]], unconditional: float | None, scale: float, x: float = 1.0) -> Any:
    asked = Asked()
    course = None if unconditional is None else always(unconditional)
    negative = None if course is None else Mixture([(1.0, course)])
    predict = mixing(asked)  # type: ignore[arg-type]
    denoise = classifier_free(composed(parts, course), negative, scale)(predict)
    return denoise(x, 5.0), asked.calls  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0.0, 1.0, 7.0])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.5), (0.5, 0.5), (1.0, -0.75), (2.0, 0.0), (0.0, 0.0)])
def test_and_steps_from_the_unconditional_estimate_along_every_part(scale: float, weights: Sequence[float]) -> None:
    found, calls = guide(
        [(weight, always(value)) for weight, value in zip(weights, (10.0, 4.0), strict=True)], 2.0, scale
    )
    x = 1.0
    expected = (x + 2) + scale * sum(w * (c - 2) for w, c in zip(weights, (10.0, 4.0), strict=True))
    assert found == pytest.approx(expected)
    assert len(calls) == 1, "one network call"
    assert len(calls[0]) == len(set(calls[0])), "for each condition once"


def test_a_single_prompt_is_asked_for_as_ever() -> None:
    found, calls = guide([(1.0, always(10.0))], 1.0, 7.0)
    assert (found, calls) == (65.0, [[10.0, 1.0]])
    assert guide([(1.0, always(10.0))], None, 1.0) == (11.0, [[10.0]])


def test_without_guidance_the_unconditional_estimate_is_asked_for_only_where_weights_need_it() -> None:
    assert guide([(0.5, always(10.0)), (0.5, always(4.0))], None, 1.0)[1] == [[10.0, 4.0]]
    assert guide([(1.0, always(10.0)), (1.0, always(4.0))], 2.0, 1.0)[1] == [[10.0, 4.0, 2.0]]
    with pytest.raises(ValueError, match="add up to 1"):
        composed([(2.0, always(1.0))], None)
    assert remainder([0.1] * 10) == 0


def test_the_condition_of_the_noise_level_counts() -> None:
    asked = Asked()
    predict = mixing(asked)  # type: ignore[arg-type]
    mixture = Mixture([(1.0, lambda sigma: 10.0 if sigma > 3 else 20.0)])
    assert [predict(1.0, sigma, [mixture])[0] for sigma in (5.0, 3.0, 5.0)] == [11.0, 21.0, 11.0]  # type: ignore[arg-type,comparison-overlap]


def test_many_parts_take_several_calls_of_a_bounded_size() -> None:
    parts = [(1.0, always(float(value))) for value in range(3 * AT_ONCE)]
    found, calls = guide(parts, 1000.0, 2.0)
    assert found == pytest.approx(1001 + 2 * sum(value - 1000 for value in range(3 * AT_ONCE)))
    assert [len(call) for call in calls[:3]] == [AT_ONCE] * 3
    assert sum(map(len, calls)) == 3 * AT_ONCE + 1


def test_the_unconditional_denoiser_is_served_from_the_same_call() -> None:
    asked, x = Asked(), 1.0
    negative = Mixture([(1.0, always(2.0))])
    remembering = Remembering(mixing(asked))  # type: ignore[arg-type]
    guided = classifier_free(composed([(1.0, always(10.0)), (0.5, always(4.0))], always(2.0)), negative, 3.0)(
        remembering
    )
    guided(x, 5.0)  # type: ignore[arg-type]
    assert remembering.alone(negative)(x, 5.0) == 3.0  # type: ignore[arg-type,comparison-overlap]
    assert len(asked.calls) == 1
