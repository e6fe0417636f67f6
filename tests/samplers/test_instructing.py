from __future__ import annotations

import pytest
import torch

from sdtoolbox.samplers.guidance import Remembering, classifier_free
from sdtoolbox.samplers.instructing import picture_guidance


def estimates() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(2, 4, 3, 3, generator=generator) for name in ("prompt", "negative", "nothing")}


@pytest.mark.parametrize(("text", "picture"), [(7.5, 1.5), (1.0, 2.0), (4.0, 0.0)])
def test_it_is_equation_3(text: float, picture: float) -> None:
    e = estimates()
    calls = []

    def predict(x: torch.Tensor, sigma: float, conditions: list[str]) -> list[torch.Tensor]:
        calls.append(list(conditions))
        return [e[condition] for condition in conditions]

    remembering = Remembering(predict)  # type: ignore[arg-type]
    guided = classifier_free("prompt", "negative", text)(remembering)
    denoise = picture_guidance(remembering.alone("negative"), lambda x, sigma: e["nothing"], picture)(guided)
    found = denoise(torch.zeros(2, 4, 3, 3), 1.0)
    wanted = e["nothing"] + picture * (e["negative"] - e["nothing"]) + text * (e["prompt"] - e["negative"])
    torch.testing.assert_close(found, wanted)
    assert calls == ([["prompt", "negative"]] if text != 1 else [["prompt"], ["negative"]])


def test_nothing_more_is_asked_where_it_counts_for_nothing() -> None:
    def never(*_: object) -> torch.Tensor:
        raise AssertionError("asked for nothing")

    guided = torch.ones(1)
    for steer in (picture_guidance(never, never, 1.0), picture_guidance(never, never, 2.0, lambda sigma: False)):
        assert steer(lambda *_: guided)(torch.zeros(1), 1.0) is guided
