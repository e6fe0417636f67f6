"""The reverse equation and the reverse chain: exact answers where the data are normally distributed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.noise import BatchNoise
from sdtoolbox.errors import Cancelled
from sdtoolbox.samplers.ddim import ddpm
from tests.extensions.shipped import drawing, moments_agree, registered, shipped
from tests.fakes import gaussian
from tests.samplers.problems import geometric, run, variance

MODULE = shipped("sde")
REVERSE, ANCESTRAL = MODULE.reverse_sde, MODULE.annealed_ancestral
LADDER = [*geometric(14.6, 0.03, 11), 0.0]
MEAN = torch.tensor([0.0, 2.0, -1.0, 0.5]).reshape(4, 1, 1)
STD = torch.tensor([1.0, 0.1, 2.0, 0.5]).reshape(4, 1, 1)


def anisotropic(x: Tensor, sigma: float) -> Tensor:
    """The exact denoiser of four channels, each with its own mean and standard deviation."""
    return MEAN + (x - MEAN) * STD**2 / (STD**2 + sigma**2)


def path(seeds: list[int], side: int = 48) -> BatchNoise:
    return BatchNoise(seeds, (4, side, side), torch.device("cpu"))


def reverse(noise: BatchNoise, **options: Any) -> Tensor:
    """What the reverse equation makes of the noise that it starts from, with the right moments at the first level."""
    x = MEAN + (STD**2 + LADDER[0] ** 2).sqrt() * noise.initial()
    return run(REVERSE, x, LADDER, anisotropic, noise=noise, **options)  # type: ignore[no-any-return]


def test_they_register_with_their_options() -> None:
    samplers = registered(MODULE).samplers
    assert [entry.label for entry in samplers] == ["Reverse SDE", "Annealed ancestral"]
    equation, chain = (entry.value for entry in samplers)
    assert "network call" in equation.help and "network call" in chain.help
    assert {name: (one.minimum, one.maximum) for name, one in equation.options.items()} == {
        "rtol": (1e-3, 1),
        "atol": (1e-4, 1),
    }
    with pytest.raises(ValueError, match=r"from 0\.001 to 1"):
        equation.options["rtol"].checked(0)
    assert list(chain.options) == ["spread"]


def test_the_equation_keeps_the_moments() -> None:
    """At a small tolerance; what is returned is the estimate, whose variance is less by what the last noise hides."""
    found = reverse(path([0]), rtol=0.005)[0].flatten(1).double()
    estimate = STD**4 / (STD**2 + LADDER[-2] ** 2)
    moments_agree(found, MEAN[:, 0], estimate[:, 0])


def test_a_smaller_tolerance_takes_more_steps_on_the_same_path() -> None:
    """All follow one path of noise, so they come closer and closer to one picture."""
    told: list[tuple[str, list[float]]] = []
    results = [
        reverse(path([7], 16), rtol=rtol, measure=lambda name, values: told.append((name, values)))
        for rtol in (0.2, 0.05, 0.0125, 0.001)
    ]
    errors = [float((one - results[-1]).square().mean().sqrt()) for one in results[:-1]]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0
    assert errors[2] < 0.03
    steps = [values[0] for name, values in told if name == "steps_taken"]
    assert steps == sorted(set(steps)) and steps[0] < 30 < 60 < steps[-1]


def test_calls_are_two_a_step_and_one_a_refusal() -> None:
    calls: list[float] = []
    told: dict[str, list[float]] = {}

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return gaussian(x, sigma) + torch.sin(9 * x / (1 + sigma**2))

    x, given = 14.6 * path([1], 8).initial(), {"measure": told.__setitem__, "rtol": 0.1, "atol": 0.001}
    run(REVERSE, x, LADDER, denoise, noise=path([1], 8), **given)
    (taken,), (refused,) = told["steps_taken"], told["steps_refused"]
    assert refused > 0
    assert len(calls) == 1 + 2 * taken + refused
    assert min(calls) == LADDER[-2]


def test_images_have_their_own_steps_and_noise() -> None:
    """Another scale of the data would change the steps of a neighbour, if images were measured together."""
    seeds, told, measured = [4, 5, 6], [], dict[str, list[float]]()
    x = path(seeds, 8).initial() * torch.tensor([14.6, 14.6, 900.0]).reshape(3, 1, 1, 1)

    def drawn(x: Tensor, seeds: list[int], **options: Any) -> Tensor:
        return run(REVERSE, x, LADDER, gaussian, noise=path(seeds, 8), **options)  # type: ignore[no-any-return]

    def on_step(i: int, x: Tensor, denoised: Tensor) -> None:
        told.append((i, x.shape[0], denoised.shape[0]))

    together = drawn(x, seeds, on_step=on_step, measure=measured.__setitem__)
    assert told == [(i, 1, 1) for i in range(len(LADDER) - 1)]
    steps = measured["steps_taken"]
    assert len(steps) == 3 and steps[2] != steps[0]
    for k in range(3):
        assert torch.equal(drawn(x[k : k + 1], seeds[k : k + 1])[0], together[k])


def test_one_level_is_one_estimate() -> None:
    told: list[int] = []
    x = torch.full((1, 1, 2, 2), 7.0)
    noise = drawing((1, 1, 2, 2))
    found = run(REVERSE, x, [10.0, 0.0], noise=noise, on_step=lambda i, x, denoised: told.append(i))
    assert torch.equal(found, gaussian(x, 10.0))
    assert told == [0]


def test_a_network_that_jumps_cannot_hold_it_up() -> None:
    """However rough the estimates are, a step of the shortest length is taken."""
    calls = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return 1e4 * torch.ones_like(x) * (-1) ** len(calls)

    found = run(REVERSE, torch.ones(1, 1, 2, 2), [0.04, 0.03, 0.0], denoise, noise=drawing((1, 1, 2, 2)), rtol=0.001)
    assert found.isfinite().all()
    assert len(calls) < 3 * math.log(4 / 3) / MODULE.SHORTEST + 9


def test_it_ends_where_nothing_is_finite() -> None:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        return x * (math.nan if sigma < 5 else 0.0)

    found = run(REVERSE, torch.ones(1, 1, 2, 2), LADDER, denoise, noise=drawing((1, 1, 2, 2)))
    assert not found.isfinite().any()


@pytest.mark.parametrize("sampler", [REVERSE, ANCESTRAL])
def test_cancelling_passes_through(sampler: Any) -> None:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        if sigma < 3:
            raise Cancelled
        return gaussian(x, sigma)

    with pytest.raises(Cancelled):
        run(sampler, torch.ones(1, 1, 2, 2), LADDER, denoise, noise=drawing((1, 1, 2, 2)))


def test_the_chain_is_exact_in_few_steps_where_spread_is_that_of_the_data() -> None:
    """Data of variance 1: 401 at level 20 becomes 1.01 at level 0.1 in three steps, and less with DDPM's choice."""
    assert variance(ANCESTRAL, [20.0, 3.0, 0.9, 0.1], 401.0, spread=1.0) == pytest.approx(1.01, rel=1e-9)
    assert variance(ANCESTRAL, [20.0, 3.0, 0.9, 0.1], 401.0) < 0.8
    assert variance(ANCESTRAL, geometric(20, 0.1, 400), 401.0) == pytest.approx(1.01, rel=0.03)


def test_the_chain_keeps_the_moments() -> None:
    n = 10_000
    x = MEAN[:, 0] + (STD[:, 0] ** 2 + 400).sqrt() * drawing((4, n), 1)(1, 0)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return anisotropic(x[..., None], sigma)[..., 0]

    for k in range(4):  # `spread` is one number: each channel is exact with its own
        found = run(ANCESTRAL, x, [20.0, 4.0, 1.0, 0.2], denoise, noise=drawing((4, n)), spread=float(STD[k]))
        moments_agree(found[k], MEAN[k, 0], STD[k, 0] ** 2 + 0.2**2)


def test_without_spread_the_chain_is_ddpm() -> None:
    x = 14.6 * path([2], 6).initial()
    chain, built_in = (run(sampler, x, LADDER, noise=path([2], 6)) for sampler in (ANCESTRAL, ddpm))
    torch.testing.assert_close(chain, built_in, rtol=1e-6, atol=1e-6)


def test_the_chain_is_the_same_in_any_batch() -> None:
    x = 14.6 * path([2, 9], 6).initial()
    together = run(ANCESTRAL, x, LADDER, noise=path([2, 9], 6), spread=1.0)
    assert torch.equal(run(ANCESTRAL, x[1:], LADDER, noise=path([9], 6), spread=1.0), together[1:])
