from __future__ import annotations

import pytest

from sdtoolbox.samplers.guidance import Remembering, classifier_free
from sdtoolbox.samplers.perturbed import perturbed_attention

calls: list[int] = []


def predict(x: float, sigma: float, conditions: list[float]) -> list[float]:
    calls.append(len(conditions))
    return [x + condition for condition in conditions]


def perturbed(x: float, sigma: float) -> float:
    calls.append(-1)
    return x + 4.0


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_it_adds_the_way_from_the_perturbed_estimate(scale: float) -> None:
    """With classifier-free guidance: u + s (c - u) + w (c - p), and c is not asked for twice."""
    calls.clear()
    remembering = Remembering(predict)  # type: ignore[arg-type]
    inside = classifier_free(10.0, 2.0, scale)(remembering)
    x = 1.0
    assert inside(x, 5.0) == 3.0 + scale * 8.0  # type: ignore[arg-type,comparison-overlap]
    calls.clear()
    steered = perturbed_attention(remembering.alone(10.0), perturbed, 0.5)(inside)  # type: ignore[arg-type]
    assert steered(x, 5.0) == 3.0 + scale * 8.0 + 0.5 * 6.0  # type: ignore[arg-type,comparison-overlap]
    assert calls == [1 if scale == 1 else 2, -1]


def test_it_rests_where_guidance_rests() -> None:
    calls.clear()
    steer = perturbed_attention(lambda x, sigma: x, perturbed, 0.5, active=lambda sigma: sigma > 1)  # type: ignore[arg-type]
    assert steer(lambda x, sigma: x)(7.0, 0.5) == 7.0  # type: ignore[arg-type,comparison-overlap]
    assert calls == []
