"""Langevin dynamics: the distribution that it comes to is known exactly where the data are normally distributed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.noise import BatchNoise
from sdtoolbox.errors import Cancelled
from tests.extensions.shipped import drawing, moments_agree, registered, shipped
from tests.fakes import gaussian
from tests.samplers.problems import geometric, run

MODULE = shipped("langevin")
LANGEVIN, ADJUSTED = MODULE.langevin, MODULE.adjusted_langevin
BOTH = pytest.mark.parametrize("sampler", [LANGEVIN, ADJUSTED])
ONE_LEVEL = [1.0, 0.5]  # with glide off x comes back as the dynamics at the first level left it
MEAN = torch.tensor([0.0, 2.0, -3.0, 1.0]).double().reshape(4, 1)
STD = torch.tensor([1.0, 0.1, 2.0, 0.0]).double().reshape(4, 1)


def anisotropic(x: Tensor, sigma: float) -> Tensor:
    """The exact denoiser of four independent numbers, each with its own mean and standard deviation."""
    return MEAN + (x - MEAN) * STD**2 / (STD**2 + sigma**2)


def test_they_register_with_their_options() -> None:
    samplers = registered(MODULE).samplers
    assert [entry.label for entry in samplers] == ["Langevin", "Langevin adjusted"]
    for entry in samplers:
        assert "network calls a step" in entry.value.help
        options = entry.value.options
        assert list(options) == ["iterations", "step", "glide"]
        assert (options["iterations"].minimum, options["iterations"].maximum) == (1, 200)
        assert options["step"].minimum > 0
        with pytest.raises(ValueError, match="whole number from 1 to 200"):
            options["iterations"].checked(0)


@BOTH
@pytest.mark.parametrize("glide", [True, False])
def test_calls_are_what_the_help_says(sampler: Any, glide: bool) -> None:
    calls, steps = [], []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return gaussian(x, sigma)

    x, sigmas = torch.ones(1, 2, 3, 3).double(), [8.0, 2.0, 0.5, 0.0]
    result = run(
        sampler,
        x,
        sigmas,
        denoise,
        noise=drawing((1, 2, 3, 3)),
        on_step=lambda i, x, d: steps.append(i),
        iterations=4,
        glide=glide,
    )
    assert len(calls) == (13 if sampler is LANGEVIN and not glide else 15)
    assert steps == [0, 1, 2]
    assert result.shape == x.shape


@pytest.mark.parametrize("step", [0.05, 0.5])
def test_plain_dynamics_come_to_the_variance_that_their_step_gives(step: float) -> None:
    """Where x has variance v the step is a = step sigma² / v of it, and what they come to is v / (1 - a / 2)."""
    n, v = 10_000, STD**2 + 1
    found = run(
        LANGEVIN, torch.zeros(4, n).double(), ONE_LEVEL, anisotropic,
        noise=drawing((4, n)), iterations=150 if step > 0.1 else 500, step=step, glide=False,
    )  # fmt: skip
    moments_agree(found, MEAN, v / (1 - step / v / 2))


def test_metropolis_takes_the_error_of_the_step_away() -> None:
    """Two correlated numbers an image and long steps: plain dynamics are 8 % off, adjusted ones are not."""
    n, covariance = 20_000, torch.tensor([[1.0, 0.8], [0.8, 1.0]]).double()
    noisy = covariance + torch.eye(2)
    shrink = covariance @ torch.linalg.inv(noisy)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return (x.reshape(-1, 2) @ shrink.T).reshape(x.shape)

    def covariance_of(sampler: Any, step: float) -> Tensor:
        x = torch.zeros(n, 2, 1, 1).double()
        found = run(sampler, x, ONE_LEVEL, denoise, noise=drawing((n, 2, 1, 1)), iterations=60, step=step, glide=False)
        return torch.cov(found.reshape(n, 2).T)

    # ADJUSTED divides its step by the cube root of the two numbers of an image: both take steps of 0.6 sigma².
    plain, adjusted = covariance_of(LANGEVIN, 0.6), covariance_of(ADJUSTED, 0.6 * 2 ** (1 / 3))
    bound = 4 * math.sqrt(2 / n)  # four standard errors of a variance, as a share of it
    assert float((adjusted / noisy - 1).abs().max()) < bound
    assert float((plain / noisy - 1).abs().max()) > 3 * bound


@BOTH
def test_modes_keep_their_weights(sampler: Any) -> None:
    """A third of the data lies at -2 and the rest at 2: as many images end there."""
    n, at, s, weights = 4000, torch.tensor([-2.0, 2.0]).double(), 0.3, torch.tensor([0.3, 0.7]).double()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        v = s**2 + sigma**2
        share = torch.softmax(-((x - at) ** 2) / (2 * v) + weights.log(), -1)  # of each mode, [n, 1, 1, 2]
        return (share * (at + (x - at) * s**2 / v)).sum(-1, keepdim=True)

    x = 20 * drawing((n, 1, 1, 1), seed=1)(1, 0)
    found = run(sampler, x, [*geometric(20, 0.05, 30), 0.0], denoise, noise=drawing((n, 1, 1, 1)), step=0.2)
    assert float((found > 0).double().mean()) == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / n))
    for mode in at:
        near = found[(found - mode).abs() < 1.5]
        assert len(near) > 0.99 * n * float(weights[at == mode]) - 4 * math.sqrt(0.21 * n)
        assert float(near.mean()) == pytest.approx(float(mode), abs=0.05)
        assert float(near.std()) == pytest.approx(s, rel=0.15)


@BOTH
def test_an_image_is_the_same_in_any_batch(sampler: Any) -> None:
    shape, sigmas = (4, 6, 6), [*geometric(14.6, 0.03, 8), 0.0]

    def drawn(seeds: list[int]) -> Tensor:
        noise = BatchNoise(seeds, shape, torch.device("cpu"))
        return run(sampler, noise.initial() * sigmas[0], sigmas, noise=noise, iterations=3, step=0.9)  # type: ignore[no-any-return]

    together = drawn([3, 5, 8])
    assert len({float(image.sum()) for image in together}) == 3
    for seed, image in zip([3, 5, 8], together, strict=True):
        torch.testing.assert_close(drawn([seed])[0], image, rtol=1e-6, atol=1e-6)


def test_each_image_is_judged_by_itself_and_its_share_is_reported() -> None:
    """The first image never moves: the score where it would go is always larger by far."""
    x = torch.zeros(2, 1, 1, 1).double()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        steep = torch.tensor([1e6, 0.0]).double().reshape(2, 1, 1, 1)
        return x - steep * x - x / 2

    told: dict[str, list[float]] = {}
    found = run(
        ADJUSTED, x, ONE_LEVEL, denoise,
        noise=drawing((2, 1, 1, 1)), measure=told.__setitem__, iterations=40, step=0.01, glide=False,
    )  # fmt: skip
    assert float(found[0]) == 0 != float(found[1])
    assert told == {"acceptance_rate": [0, 1]}


@BOTH
def test_cancelling_passes_through(sampler: Any) -> None:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        raise Cancelled

    with pytest.raises(Cancelled):
        run(sampler, torch.ones(1, 1, 2, 2), [1.0, 0.0], denoise, noise=drawing((1, 1, 2, 2)))


@BOTH
def test_what_is_not_finite_does_not_stay_hidden(sampler: Any) -> None:
    found = run(sampler, torch.ones(1, 1, 2, 2), [1.0, 0.0], lambda x, s: x * math.nan, noise=drawing((1, 1, 2, 2)))
    assert found.isnan().all()
