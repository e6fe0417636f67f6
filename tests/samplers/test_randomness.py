"""Stochastic samplers: the exact variance of what they make of Gaussian data."""

from __future__ import annotations

import math

import pytest

from sdtoolbox.samplers.ddim import ddim
from sdtoolbox.samplers.dpmpp import dpmpp_2m_sde
from sdtoolbox.samplers.euler import euler_ancestral
from sdtoolbox.samplers.lcm import lcm
from sdtoolbox.samplers.steps import ancestral_step
from tests.samplers.problems import geometric, variance


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (euler_ancestral, {}),
        (euler_ancestral, {"eta": 0.5}),
        (ddim, {"eta": 1.0}),
        (dpmpp_2m_sde, {}),
        (dpmpp_2m_sde, {"eta": 0.5}),
    ],
)
def test_many_steps_keep_the_right_variance(sampler, options) -> None:  # type: ignore[no-untyped-def]
    """Data of variance 1 at noise level 0.1 has variance 1.01, at 20 it had 401."""
    found = variance(sampler, geometric(20, 0.1, 400), 401.0, **options)
    assert found == pytest.approx(1.01, rel=0.03)


def test_variance_without_noise_in_the_recursion_would_be_wrong() -> None:
    """The measure can fail: without the noise that it adds, the ancestral sampler would end far too smooth."""
    silent = variance(
        lambda *a, noise, **k: euler_ancestral(*a, noise=lambda a, b: 0 * noise(a, b), **k),
        geometric(20, 0.1, 400),
        401,
    )
    assert silent < 0.9


@pytest.mark.parametrize(("sigma", "sigma_next"), [(10.0, 3.0), (1.0, 0.9)])
def test_one_ancestral_step_is_the_reverse_step_of_ddpm(sigma: float, sigma_next: float) -> None:
    """Ho et al. (2020), equations 6 and 7, in their own terms: alpha = 1 / (1 + sigma²), x = sqrt(alpha) x."""
    down, up = ancestral_step(sigma, sigma_next)
    alpha, alpha_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    beta = 1 - alpha / alpha_next
    posterior = (1 - alpha_next) / (1 - alpha) * beta
    assert up**2 * alpha_next == pytest.approx(posterior)
    assert down**2 + up**2 == pytest.approx(sigma_next**2)


def test_sde_step_is_exact_where_the_estimate_stands_still() -> None:
    """With a fixed estimate of 0 one step of any length has the variance of the reverse diffusion itself."""
    found = variance(dpmpp_2m_sde, [8.0, 1.5], 64.0, denoise=lambda x, sigma: 0 * x)
    kept = (1.5 / 8) * math.exp(-math.log(8 / 1.5))
    assert found == pytest.approx(64 * kept**2 + 1.5**2 * (1 - (1.5 / 8) ** 2))


def test_lcm_adds_noise_of_the_next_level() -> None:
    found = variance(lcm, [10.0, 2.0], 101.0)
    assert found == pytest.approx(101 / 101**2 + 4)


@pytest.mark.parametrize("sampler", [euler_ancestral, dpmpp_2m_sde, lcm])
def test_noise_is_asked_for_by_step_and_never_at_the_end(sampler) -> None:  # type: ignore[no-untyped-def]
    import torch

    asked = []

    def noise(a: float, b: float) -> torch.Tensor:
        asked.append((a, b))
        return torch.zeros(2)

    sampler(lambda x, s: 0 * x, torch.ones(2), [4.0, 2.0, 1.0, 0.0], noise=noise, on_step=lambda *a: None)
    assert asked == [(4.0, 2.0), (2.0, 1.0)]
