"""How fast samplers come to the exact solution, on the one denoiser that has one in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from sdtoolbox.samplers.ddim import ddim
from sdtoolbox.samplers.dpmpp import dpmpp_2m, dpmpp_2m_sde
from sdtoolbox.samplers.euler import euler, euler_ancestral
from sdtoolbox.samplers.heun import heun
from sdtoolbox.samplers.unipc import unipc
from tests.fakes import builtin_registries, gaussian_solution
from tests.samplers.problems import geometric, run

ORDERS: list[tuple[Callable[..., Any], dict[str, Any], float]] = [
    (euler, {}, 1),
    (euler_ancestral, {"eta": 0.0}, 1),
    (ddim, {}, 1),
    (heun, {}, 2),
    (dpmpp_2m, {}, 2),
    (dpmpp_2m_sde, {"eta": 0.0}, 2),
    (unipc, {}, 3),
    (unipc, {"order": 3}, 4),
]


@pytest.mark.parametrize(("sampler", "options", "order"), ORDERS)
def test_order_of_convergence(sampler: Callable[..., Any], options: dict[str, Any], order: float) -> None:
    """Half the step length divides the error by 2**order."""

    def error(steps: int) -> float:
        x = torch.tensor(7.0, dtype=torch.float64)
        found = run(sampler, x, geometric(10, 0.1, steps), **options)
        return abs(float(found - gaussian_solution(x, 10, 0.1)))

    assert math.log2(error(80) / error(160)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("name", builtin_registries().samplers.ids())
def test_the_last_step_lands_on_the_estimate(name: str) -> None:
    """At sigma = 0 nothing but the last estimate is left, without a division by zero; from one step on."""
    sampler = builtin_registries().samplers.get(name).value.function
    for sigmas in ([14.6, 0.0], [14.6, 3.0, 0.5, 0.0]):
        seen = []

        def denoise(x: torch.Tensor, sigma: float, seen: list[torch.Tensor] = seen) -> torch.Tensor:
            seen.append(torch.tanh(x / (1 + sigma**2)))
            return seen[-1]

        x = torch.linspace(-20, 20, 8, dtype=torch.float64)
        found = run(sampler, x, sigmas, denoise, noise=lambda a, b: torch.full((8,), a - b, dtype=torch.float64))
        torch.testing.assert_close(found, seen[-1])


@pytest.mark.parametrize("name", builtin_registries().samplers.ids())
def test_every_step_is_reported_once(name: str) -> None:
    sampler = builtin_registries().samplers.get(name).value.function
    reported = []
    x = torch.ones(3)

    def on_step(i: int, x: torch.Tensor, denoised: torch.Tensor) -> None:
        reported.append(i)
        assert x.shape == denoised.shape == (3,)

    run(sampler, x, [10.0, 5.0, 1.0, 0.0], noise=lambda a, b: torch.zeros(3), on_step=on_step)
    assert reported == [0, 1, 2]
    assert torch.equal(x, torch.ones(3)), "the input was changed in place"
