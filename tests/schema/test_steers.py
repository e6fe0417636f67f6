"""Steers in a request: any form that a door sends, and the short form that texts hold."""

from __future__ import annotations

from typing import Any

import pytest

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.schema.steers import ChosenSteer
from sdtoolbox.schema.txt2img import Txt2Img


@pytest.mark.parametrize(
    "given",
    [
        "thresholds: percentile=0.99, mimic=4; swirl",
        "thresholds: percentile=0.99, mimic=4\n\nswirl",
        ["thresholds:percentile=0.99,mimic=4", {"steer": "swirl"}],
        [{"steer": "thresholds", "options": {"percentile": 0.99, "mimic": 4}}, "swirl"],
    ],
)
def test_steers_are_read_in_any_form(given: Any) -> None:
    first, second = Txt2Img.parse({"steers": given}).steers
    assert (first.steer, first.options) == ("thresholds", {"percentile": 0.99, "mimic": 4})
    assert second == ChosenSteer(steer="swirl")
    assert first.short() == "thresholds: percentile=0.99, mimic=4" and second.short() == "swirl"
    assert Inpaint.parse({"steers": [first.short(), second.short()]}).steers == (first, second)


def test_no_steers_is_what_a_request_has() -> None:
    for given in (None, "", [], ()):
        assert Txt2Img.parse({"steers": given}).steers == ()
    assert Txt2Img.parse({"steer": "swirl"}).steers == (ChosenSteer(steer="swirl"),)


@pytest.mark.parametrize("given", [[{"steer": ""}], [{"steer": "a", "strength": 1}], [{"options": {}}], "a;" * 9, 5])
def test_mistakes_are_said_at_the_field(given: Any) -> None:
    with pytest.raises(InvalidRequest, match="steers"):
        Txt2Img.parse({"steers": given})
