from __future__ import annotations

from typing import Any

import pytest

from sdtoolbox.errors import InvalidRequest
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.schema.stages import RestoreStage


@pytest.mark.parametrize(
    "given",
    [
        "wavelet: strength=0.5, blend=0.8, smoothing=2; sdtoolbox-x2",
        "wavelet: strength=0.5, blend=0.8, smoothing=2\n\nsdtoolbox-x2",
        ["wavelet: strength=0.5,blend=0.8,smoothing=2", {"restorer": "sdtoolbox-x2"}],
    ],
)
def test_stages_are_read_in_any_form(given: Any) -> None:
    first, second = Denoise.parse({"stages": given}).stages
    assert (first.restorer, first.strength, first.blend, first.options) == ("wavelet", 0.5, 0.8, {"smoothing": 2})
    assert second == RestoreStage(restorer="sdtoolbox-x2")
    again = Denoise.parse({"stages": [first.short(), second.short()]}).stages
    assert again == (first, second)


def test_the_short_form_says_only_what_is_not_usual() -> None:
    assert RestoreStage(restorer="median").short() == "median"
    assert RestoreStage(restorer="median", blend=0.5).short() == "median: blend=0.5"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"restorer": "a", "strength": 5}, r"stages, 1, strength: 5 is out of range\. Allowed is a number to 4\."),
        ({"restorer": "a", "blend": float("nan")}, r"blend: nan is not a finite number"),
        ({"restorer": ""}, r"stages"),
        ({"restorer": "a", "colour": 1}, r"stages, 1, colour"),
    ],
)
def test_mistakes_inside_a_stage_are_said(stage: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        Denoise.parse({"stages": [stage]})


def test_what_a_request_restores_with() -> None:
    request = Upscale.parse({"stages": ["median"], "upscaler": "x4", "second_upscaler": "lanczos"})
    assert request.restorers == ("median", "x4", "lanczos")
    assert Denoise.parse({"stages": ["median"]}).restorers == ("median",)


@pytest.mark.parametrize("prompt", ["a red house, big", 'say "hello"; and go', "a = b", " spaced ", "true", "plain"])
def test_texts_with_separators_survive_the_short_form(prompt: str) -> None:
    stage = RestoreStage(restorer="storybook", blend=0.5, options={"prompt": prompt, "steps": 4})
    (found,) = Denoise.parse({"stages": stage.short()}).stages
    assert found.blend == 0.5 and found.options["steps"] == 4
    assert found.options["prompt"] == (prompt if prompt != "true" else True)
