"""The words of a request on a model in closed form: a condition is the length of the words in thousands."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sdtoolbox.errors import UserError
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.words import read_words
from tests.fakes import FakeContext, GaussianModel, gaussian

SIGMAS = [10.0, 8.0, 5.0, 2.0, 0.0]


class Listening(GaussianModel):
    """Notes what it reads, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[str, bool]] = []
        self.options: list[Any] = []

    def encode(self, words: Any, *, negative: bool = False, **options: Any) -> float:
        self.read.append(("|".join("".join(span.text for span in group) for group in words), negative))
        self.options.append(options)
        return super().encode(words)


def denoised(sigma: float, *, scale: float, sampler: str = "euler", **values: Any) -> float:
    model, ctx = GaussianModel(), FakeContext({})
    request = Txt2Img.parse({"guidance_scale": scale, "sampler": sampler} | values)
    x = torch.full((1, 4, 2, 2), 3.0)
    found = diffusion.guided(model, request, ctx, SIGMAS).guided(x, sigma)
    return float((found - gaussian(x, sigma)).mean()) * 1000


def test_each_distinct_wording_is_read_once() -> None:
    model, ctx = Listening(), FakeContext({})
    request = Txt2Img(prompt="[a|bb] AND a", negative_prompt="[x:y:2] AND z", emphasis="no norm", clip_skip=2)
    read_words(model, request, SIGMAS, ctx, negative=True)
    assert model.read == [("a ", False), ("bb ", False), (" a", False), ("x AND z", True), ("y AND z", True)]
    assert model.options[0] == {"emphasis": "no norm", "clip_skip": 2}
    assert ctx.stages == [("encoding", 0, 1, 5)]


@pytest.mark.parametrize(("sigma", "length"), [(10.0, 1), (8.0, 1), (5.0, 3), (2.0, 3), (0.5, 3), (6.0, 1)])
def test_a_schedule_holds_by_noise_level(sigma: float, length: int) -> None:
    assert denoised(sigma, scale=1, prompt="[a:ccc:0.5]") == pytest.approx(length, abs=1e-3)


def test_alternation_goes_round_with_the_steps() -> None:
    found = [round(denoised(sigma, scale=1, prompt="[a|ccc]"), 2) for sigma in SIGMAS[:-1]]
    assert found == [1, 3, 1, 3]


def test_and_with_weights_in_guidance() -> None:
    # lengths: "aaaa " 5, " bb " 4 at half the weight, negative "c" 1
    found = denoised(5.0, scale=3, prompt="aaaa AND bb :0.5", negative_prompt="c")
    assert found == pytest.approx(1 + 3 * ((5 - 1) + 0.5 * (4 - 1)), rel=1e-4)


def test_and_is_read_against_the_negative_prompt_even_without_guidance() -> None:
    found = denoised(5.0, scale=1, prompt="aaaa AND bb", negative_prompt="c")
    assert found == pytest.approx(1 + (5 - 1) + (3 - 1), rel=1e-4)


def test_a_negative_prompt_has_a_schedule_too() -> None:
    early, late = (denoised(sigma, scale=3, prompt="aaaa", negative_prompt="[c:ddd:2]") for sigma in (8.0, 5.0))
    assert (early, late) == (pytest.approx(1 + 3 * 3, rel=1e-4), pytest.approx(3 + 3 * 1, rel=1e-4))


def test_weights_reach_the_model() -> None:
    assert denoised(5.0, scale=1, prompt="aa(bb:1.5)") == pytest.approx(2 + 2 * 1.5, rel=1e-4)


def test_a_weight_without_sense_names_its_field() -> None:
    with pytest.raises(UserError) as caught:
        denoised(5.0, scale=3, negative_prompt="(c:1000)")
    assert caught.value.field == "negative_prompt"
