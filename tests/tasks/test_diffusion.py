from __future__ import annotations

from typing import Any

import pytest
import torch

from sdtoolbox.errors import UserError
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import diffusion
from tests.fakes import FakeContext, GaussianModel, builtin_registries


def test_the_way_travelled_is_even_in_log_sigma() -> None:
    assert diffusion.way_travelled([8.0, 4.0, 2.0, 0.0]) == pytest.approx([1 / 3, 2 / 3, 1])
    assert diffusion.way_travelled([8.0, 1.0, 0.5]) == pytest.approx([0.75, 1])
    assert diffusion.way_travelled([8.0, 0.0]) == [1.0]


def test_batches_share_out_the_seeds() -> None:
    request = Txt2Img(seed=5, batch_count=3, batch_size=2)
    assert [batch.seeds for batch in diffusion.batches(request)] == [[5, 6], [7, 8], [9, 10]]
    assert [batch.first for batch in diffusion.batches(request)] == [0, 2, 4]


def test_a_constant_latent_is_refused_and_a_single_point_is_not() -> None:
    diffusion.check_not_constant(torch.randn(2, 4, 3, 3))
    diffusion.check_not_constant(torch.ones(1, 4, 1, 1))
    flat = torch.randn(1, 4, 1, 1).expand(1, 4, 3, 3)
    with pytest.raises(UserError) as caught:
        diffusion.check_not_constant(torch.cat([torch.randn(1, 4, 3, 3), flat]))
    assert caught.value.code == "NUMERIC"


def test_steers_wrap_the_denoiser_in_order_and_cancelling_stays_outermost() -> None:
    order: list[str] = []

    def steer(name: str) -> Any:
        def wrap(denoise: Any) -> Any:
            def steered(x: Any, sigma: float) -> Any:
                order.append(name)
                return denoise(x, sigma)

            return steered

        return wrap

    model = GaussianModel()
    ctx = FakeContext({})
    ctx.check_cancelled = lambda: order.append("cancel?")  # type: ignore[method-assign]
    request = Txt2Img(prompt="a", guidance_scale=3, sampler="euler")
    denoise = diffusion.guided(model, request, ctx, [9.0, 1.0, 0.0], [steer("inner"), steer("outer")]).guided
    denoise(torch.zeros(1, 4, 2, 2), 1.0)
    assert order == ["cancel?", "outer", "inner"]
    assert model.predictions == [2]


@pytest.mark.parametrize(
    ("sampler", "schedule"),
    [("euler", "uniform"), ("dpmpp_2m", "karras"), ("dpmpp_2m_sde", "exponential"), ("ddim", "ddim_uniform")],
)
def test_automatic_is_the_samplers_own_schedule(sampler: str, schedule: str) -> None:
    model = GaussianModel()
    ctx = FakeContext({"gaussian": model})
    levels = {
        name: diffusion.noise_levels(model, Txt2Img(steps=6, sampler=sampler, schedule=name), ctx)
        for name in ("automatic", schedule)
    }
    assert levels["automatic"] == levels[schedule]


def test_automatic_needs_no_end_of_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "ENDLESS", 0.0)
    model = GaussianModel()
    ctx = FakeContext({"gaussian": model})
    own = diffusion.noise_levels(model, Txt2Img(steps=6, sampler="dpmpp_2m", schedule="automatic"), ctx)
    assert own == diffusion.noise_levels(model, Txt2Img(steps=6, sampler="dpmpp_2m", schedule="uniform"), ctx)


def test_every_samplers_own_schedule_is_registered() -> None:
    registries = builtin_registries()
    for entry in registries.samplers:
        assert entry.value.schedule in registries.schedules.ids()
