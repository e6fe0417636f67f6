"""How fast samplers come to the exact solution, on the one denoiser that has one in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from sdtoolbox.samplers.dpm_solver import dpm_adaptive, dpm_fast
from sdtoolbox.samplers.multistep import _integrals
from tests.fakes import builtin_registries, gaussian, gaussian_solution
from tests.samplers.problems import ORDERS, geometric, order_of, run

# These go through other levels than those of the schedule, or through some of them more than once.
OWN_LEVELS = ("dpm_fast", "dpm_adaptive", "restart")


@pytest.mark.parametrize(("name", "options", "order"), ORDERS)
def test_order_of_convergence(name: str, options: dict[str, Any], order: float) -> None:
    """Half the step length divides the error by 2**order."""
    assert order_of(name, options) == pytest.approx(order, abs=0.25)


def test_every_sampler_without_noise_has_an_order() -> None:
    """Those that always draw noise are held to their variance instead: see test_randomness."""
    noisy = {"lcm", "ddpm", "restart"}
    assert {name for name, _, _ in ORDERS} | noisy | {"dpm_adaptive"} == set(builtin_registries().samplers.ids())


def test_multistep_weights_are_those_of_adams_and_bashforth_where_steps_are_even() -> None:
    assert _integrals([0.0, 1.0, 2.0, 3.0], 3.0, 4.0) == pytest.approx([-9 / 24, 37 / 24, -59 / 24, 55 / 24])
    assert _integrals([0.0, 1.0], 1.0, 3.0, math.exp) == pytest.approx([-math.exp(3) - math.e, 2 * math.exp(3)])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9, 11])
def test_dpm_fast_makes_as_many_calls_as_there_are_steps(steps: int) -> None:
    calls = []

    def denoise(x: Any, sigma: float) -> Any:
        calls.append(sigma)
        return gaussian(x, sigma)

    run(dpm_fast, torch.ones(1), [*geometric(14.6, 0.03, steps - 1), 0.0] if steps > 1 else [14.6, 0.0], denoise)
    assert len(calls) == steps


@pytest.mark.parametrize("rtol", [0.05, 0.001])
def test_dpm_adaptive_keeps_to_its_tolerance(rtol: float) -> None:
    """The error over the whole way is about that of one step: the later ones shrink the earlier ones' errors."""
    calls = []

    def denoise(x: Any, sigma: float) -> Any:
        calls.append(sigma)
        return gaussian(x, sigma)

    x = torch.tensor([[7.0, -3.0], [20.0, 0.5]], dtype=torch.float64)
    found = run(dpm_adaptive, x, [10.0, 3.0, 0.1, 0.0], denoise, rtol=rtol, atol=rtol / 10)
    wanted = gaussian(gaussian_solution(x, 10, 0.1), 0.1)
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=rtol / 10)
    assert len(calls) < 400
    alone = run(dpm_adaptive, x[1:], [10.0, 3.0, 0.1, 0.0], rtol=rtol, atol=rtol / 10)
    assert torch.equal(found[1:], alone), "an image depends on its neighbours"


def test_dpm_adaptive_ends_where_nothing_is_finite() -> None:
    found = run(dpm_adaptive, torch.ones(1, 2), [10.0, 1.0, 0.0], lambda x, sigma: x * math.nan)
    assert found.isnan().all()


@pytest.mark.parametrize("name", builtin_registries().samplers.ids())
def test_the_last_step_lands_on_the_estimate(name: str) -> None:
    """At sigma = 0 nothing but the last estimate is left, without a division by zero; from one step on."""
    sampler = builtin_registries().samplers.get(name).value.function
    for sigmas in ([14.6, 0.0], [14.6, 3.0, 0.5, 0.0]):
        seen = []

        def denoise(x: torch.Tensor, sigma: float, seen: list[torch.Tensor] = seen) -> torch.Tensor:
            seen.append(torch.tanh(x / (1 + sigma**2)))
            return seen[-1]

        x = torch.linspace(-20, 20, 8, dtype=torch.float64)[None]
        found = run(sampler, x, sigmas, denoise, noise=lambda a, b: torch.full((1, 8), a - b, dtype=torch.float64))
        torch.testing.assert_close(found, seen[-1])


@pytest.mark.parametrize("name", builtin_registries().samplers.ids())
def test_every_step_is_reported_once(name: str) -> None:
    sampler = builtin_registries().samplers.get(name).value.function
    reported = []
    x = torch.ones(1, 3)

    def on_step(i: int, x: torch.Tensor, denoised: torch.Tensor) -> None:
        reported.append(i)
        assert x.shape == denoised.shape == (1, 3)

    run(sampler, x, [10.0, 5.0, 0.05, 0.0], noise=lambda a, b: torch.zeros(1, 3), on_step=on_step)
    assert sorted(set(reported)) == [0, 1, 2]
    assert reported == sorted(reported)
    assert name in OWN_LEVELS or len(reported) == 3
    assert torch.equal(x, torch.ones(1, 3)), "the input was changed in place"
