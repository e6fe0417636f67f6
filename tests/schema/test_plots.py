"""What doors send for a plot becomes one plot, or an error that says what to write."""

from __future__ import annotations

from typing import Any

import pytest

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.txt2img import Txt2Img

STEPS = {"field": "steps", "values": "10, 20"}


@pytest.mark.parametrize(
    "value",
    [
        {"x": STEPS, "y": {"field": "sampler", "values": ["Euler", "Heun"]}},
        {"x": "steps: 10, 20", "y": {"field": "sampler", "values": ["Euler", "Heun"]}, "z": None},
        {"x": STEPS, "y": {"field": "sampler", "values": ["Euler", "Heun"]}, "z": {"field": "", "values": "1"}},
    ],
)
def test_objects(value: Any) -> None:
    plot = Txt2Img.parse({"plot": value}).plot
    assert plot is not None
    assert plot.x is not None
    assert plot.y is not None
    assert (plot.x.values, plot.y.values, plot.z) == ("10, 20", ("Euler", "Heun"), None)


@pytest.mark.parametrize("value", ["x: steps: 10, 20\nY = prompts: a\nb", ["x: steps: 10, 20", "y: prompts: a\nb"]])
def test_short_forms(value: Any) -> None:
    plot = Txt2Img.parse({"plot": value}).plot
    assert plot is not None
    assert plot.model_dump(include={"x", "y"}) == {"x": STEPS, "y": {"field": "prompts", "values": "a\nb"}}


@pytest.mark.parametrize("value", [None, "", [], {}, {"x": None}, {"x": {"field": "", "values": ""}, "legend": True}])
def test_no_axis_is_no_plot(value: Any) -> None:
    assert Txt2Img.parse({"plot": value}).plot is None


@pytest.mark.parametrize(
    "value", ["foo", {"q": 1}, 5, True, {"x": 5}, {"x": {"field": "steps", "of": 1}}, {"x": STEPS, "margin": -1}]
)
def test_nonsense_is_refused_at_the_plot(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Txt2Img.parse({"plot": value})
    assert [problem.field for problem in caught.value.problems] == ["plot"]
