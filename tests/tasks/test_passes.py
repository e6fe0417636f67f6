"""A pass begins where its strength says, and hands over to a refiner where the request says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdtoolbox.changes import FreeU, PerturbedAttention, Seamless
from sdtoolbox.tasks.diffusion import Batch, Denoisers, noise_levels
from sdtoolbox.tasks.passes import Pass, handed_over
from sdtoolbox.tasks.txt2img import run
from tests.fakes import FakeContext, GaussianModel
from tests.tasks.test_txt2img import draw, pixels, request


@pytest.mark.parametrize(("strength", "total"), [(0.7, 14), (0.5, 20), (0.25, 40), (0.9999, 10)])
def test_a_strength_takes_the_end_of_a_longer_schedule(strength: float, total: int) -> None:
    model, ctx = GaussianModel(), FakeContext({})
    levels = noise_levels(model, request(steps=10), ctx, strength=strength)
    assert len(levels) == 11
    assert levels == noise_levels(model, request(steps=total), ctx)[-11:]


def test_strength_0_has_no_levels_and_gives_back_what_was_there() -> None:
    model: Any = GaussianModel()
    ctx = FakeContext({})
    assert noise_levels(model, request(), ctx, strength=0) == []
    start = torch.randn(1, 4, 6, 8)
    only = Pass(model, request(), ctx, strength=0)
    assert only.latents(Batch(request(), 0, 1), start) is start
    assert model.predictions == []
    with pytest.raises(ValueError, match="nothing is drawn of nothing"):
        only.latents(Batch(request(), 0, 1))


def test_a_start_carries_noise_of_the_first_level() -> None:
    """Of data that is one point the sampler comes back to it, from any level; here the model's data has variance 1."""
    model: Any = GaussianModel()
    start = torch.full((1, 4, 6, 8), 3.0)
    started = Pass(model, request(steps=20, guidance_scale=1, prompt=""), FakeContext({}), strength=0.2)
    levels = noise_levels(model, request(steps=20), FakeContext({}), strength=0.2)
    latents = started.latents(Batch(request(), 0, 1), start)
    # The exact flow of normal data scales by 1 / sqrt(1 + sigma²).
    wanted = (start + model.noise([10], 64, 48).initial() * levels[0]) / (1 + levels[0] ** 2) ** 0.5
    torch.testing.assert_close(latents, wanted, atol=0.05, rtol=0.02)


def test_the_one_before_the_switch_and_the_other_after_it() -> None:
    first = Denoisers(lambda x, sigma: "first", lambda x, sigma: "first alone")  # type: ignore[arg-type,return-value]
    later = Denoisers(lambda x, sigma: "later", lambda x, sigma: "later alone")  # type: ignore[arg-type,return-value]
    sigmas = [10.0, 8.0, 5.0, 2.0, 0.0]
    both = handed_over(first, later, sigmas, 0.5)
    x: Any = None
    assert [both.guided(x, s) for s in (12.0, 10.0, 8.0, 5.1, 5.0, 2.0, 0.1, 9.0)] == [
        *["first"] * 4,
        *["later"] * 3,
        "first",
    ]
    assert both.unconditional is not None
    assert both.unconditional(x, 2.0) == "later alone"  # type: ignore[comparison-overlap]
    assert handed_over(Denoisers(first.guided, None), Denoisers(later.guided, None), sigmas, 0.5).unconditional is None


@pytest.mark.parametrize(("switch_at", "calls"), [(0.8, (8, 2)), (0.5, (5, 5)), (1.0, (10, 0)), (0.0, (0, 10))])
def test_a_refiner_takes_over_the_last_steps(switch_at: float, calls: tuple[int, int]) -> None:
    models = {"gaussian": GaussianModel(), "fine": GaussianModel()}
    models["fine"].environment = {"checkpoint": {"id": "fine", "name": "fine", "sha256": "1"}}
    ctx = FakeContext(models)
    list(run(request(steps=10, refiner="fine", refiner_switch_at=switch_at, batch_count=2), ctx))
    assert tuple(len(model.predictions) // 2 for model in models.values()) == calls
    assert ctx.leased == []
    assert ctx.environment["checkpoint"]["name"] == "gaussian"
    assert ctx.environment["refiner"]["name"] == "fine"


def test_with_hires_fix_the_refiner_takes_over_the_second_drawing_only() -> None:
    models = {"gaussian": GaussianModel(), "fine": GaussianModel()}
    list(run(request(steps=10, refiner="fine", hires=True), FakeContext(models)))
    assert [len(model.predictions) for model in models.values()] == [18, 2]


def test_variations_share_a_seed_and_count_the_other_up() -> None:
    drawn, _, _ = draw(variation_strength=0.3, variation_seed=77, batch_count=2, batch_size=2)
    assert [one.seed for one in drawn] == [10] * 4
    assert [one.request.variation_seed for one in drawn] == [77, 77, 79, 79]
    alone, _, _ = draw(variation_strength=0.3, variation_seed=80)
    assert np.abs(pixels(alone[0]) - pixels(drawn[3])).max() <= 1
    again, _, _ = draw(**drawn[3].request.model_dump())
    assert np.array_equal(pixels(again[1]), pixels(drawn[3]))


def test_a_small_variation_is_near_and_a_whole_one_is_the_other_seed() -> None:
    (plain,), _, _ = draw()
    (near,), _, _ = draw(variation_strength=0.1, variation_seed=77)
    (other,), _, _ = draw(seed=77)
    (arrived,), _, _ = draw(variation_strength=1, variation_seed=77)
    assert np.abs(pixels(arrived) - pixels(other)).max() <= 1
    assert 0 < np.abs(pixels(near) - pixels(plain)).mean() < np.abs(pixels(other) - pixels(plain)).mean() / 3


def test_a_seed_keeps_its_composition_at_another_size() -> None:
    (small,), _, _ = draw(width=64, height=48)
    (wide,), _, _ = draw(width=128, height=48, seed_resize_width=64, seed_resize_height=48)
    assert np.abs(pixels(wide)[:, 32:96] - pixels(small)).max() <= 1
    (off,), _, _ = draw(width=128, height=48, seed_resize_width=64)
    (plain,), _, _ = draw(width=128, height=48)
    assert np.array_equal(pixels(off), pixels(plain))


@pytest.mark.parametrize(
    ("tiling", "change"),
    [("both", Seamless()), ("horizontal", Seamless(True, False)), ("vertical", Seamless(False, True))],
)
def test_tiling_and_freeu_are_changes_of_the_model(tiling: str, change: Seamless) -> None:
    seen: list[tuple[Any, ...]] = []

    class Watching(GaussianModel):
        def decode(self, *values: Any) -> Any:
            seen.append(self.changes)
            return super().decode(*values)

    draw(Watching(), tiling=tiling)
    assert seen[-1] == (change,)
    draw(Watching(), freeu_b1=1.3)
    assert seen[-1] == (FreeU(b1=1.3),)


def test_perturbed_attention_asks_once_more_a_step_while_guidance_acts() -> None:
    perturbed: list[float] = []

    class Watching(GaussianModel):
        def predict(self, x: Any, sigma: float, conditions: Any) -> Any:
            if PerturbedAttention() in self.changes:
                perturbed.append(sigma)
            return super().predict(x, sigma, conditions)

    _, _, model = draw(Watching(), pag_scale=3, steps=10, guidance_start=0.2, guidance_end=0.6)
    assert len(perturbed) == 4
    assert model.predictions == [1, 1, *[2, 1] * 4, *[1] * 4]


def test_rescaled_guidance_is_another_picture_and_none_is_the_same() -> None:
    (plain,), _, _ = draw(guidance_scale=12)
    (same,), _, _ = draw(guidance_scale=12, guidance_rescale=0.0, guidance_end=1.0)
    (less,), _, _ = draw(guidance_scale=12, guidance_rescale=1.0)
    assert np.array_equal(pixels(plain), pixels(same))
    assert not np.array_equal(pixels(plain), pixels(less))


def test_guidance_in_turn_asks_for_one_prompt_at_a_time() -> None:
    (together,), _, at_once = draw(guidance_scale=6, steps=3)
    (in_turn,), _, model = draw(guidance_scale=6, steps=3, guidance_in_turn=True)
    assert (at_once.predictions, model.predictions) == ([2] * 3, [1] * 6)
    assert np.array_equal(pixels(together), pixels(in_turn))
