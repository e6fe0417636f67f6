"""Stochastic samplers: the exact variance of what they make of Gaussian data."""

from __future__ import annotations

import math

import pytest

from sdtoolbox.samplers.churn import churned
from sdtoolbox.samplers.ddim import ddim, ddim_cfgpp, ddpm
from sdtoolbox.samplers.dpm2 import dpm2, dpm2_ancestral
from sdtoolbox.samplers.dpmpp import dpmpp_2m_sde, dpmpp_3m_sde
from sdtoolbox.samplers.dpmpp_single import dpmpp_2s_ancestral, dpmpp_sde
from sdtoolbox.samplers.euler import euler, euler_ancestral
from sdtoolbox.samplers.heun import heun
from sdtoolbox.samplers.lcm import lcm, tcd
from sdtoolbox.samplers.restart import restart
from sdtoolbox.samplers.steps import ancestral_step
from tests.samplers.problems import geometric, variance


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (euler_ancestral, {}),
        (euler_ancestral, {"eta": 0.5}),
        (ddim, {"eta": 1.0}),
        (ddim_cfgpp, {"eta": 1.0}),
        (ddpm, {}),
        (dpm2_ancestral, {}),
        (dpmpp_2s_ancestral, {}),
        (dpmpp_sde, {}),
        (dpmpp_sde, {"eta": 0.5}),
        (dpmpp_2m_sde, {}),
        (dpmpp_2m_sde, {"eta": 0.5}),
        (dpmpp_3m_sde, {}),
        (euler, {"s_churn": 8.0}),
        (heun, {"s_churn": 40.0}),
        (dpm2, {"s_churn": 40.0}),
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


def test_restart_goes_up_by_the_missing_noise_and_keeps_the_right_variance() -> None:
    found = variance(restart, [*geometric(20, 0.1, 60), 0.05], 401.0, restart_times=3, restart_steps=60)
    assert found == pytest.approx(1 + 0.05**2, rel=0.03)


def test_restart_without_restarts_is_heun() -> None:
    ladder = [*geometric(20, 0.1, 20), 0.05]
    assert variance(restart, ladder, 401.0, restart_times=0) == pytest.approx(variance(heun, ladder, 401.0))


@pytest.mark.parametrize("gamma", [0.3, 0.9, 1.0])
def test_tcd_stands_at_the_next_level_whatever_its_gamma(gamma: float) -> None:
    """With data that is all 0 x is noise alone, and its variance that of the level."""
    found = variance(tcd, [8.0, 1.5], 64.0, denoise=lambda x, sigma: 0 * x, gamma=gamma)
    assert found == pytest.approx(1.5**2)


def test_churn_grows_within_its_bounds() -> None:
    x, sigma = churned(0.0, 2.0, 10, lambda a, b: 1.0, s_churn=1.0, s_tmin=0.0, s_tmax=9.0, s_noise=1.0)  # type: ignore[arg-type,return-value]
    assert sigma == pytest.approx(2.2)
    assert x == pytest.approx(math.sqrt(2.2**2 - 4))
    for outside in ({"s_tmin": 3.0, "s_tmax": 9.0}, {"s_tmin": 0.0, "s_tmax": 1.0}):
        assert churned(0.0, 2.0, 10, lambda a, b: 1.0, s_churn=1.0, s_noise=1.0, **outside) == (0.0, 2.0)  # type: ignore[arg-type,return-value]
    assert churned(0.0, 1.0, 1, lambda a, b: 1.0, s_churn=9.0, s_tmin=0, s_tmax=9, s_noise=1)[1] == math.sqrt(2)  # type: ignore[arg-type,return-value]


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
