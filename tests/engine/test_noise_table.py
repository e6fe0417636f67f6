from __future__ import annotations

import warnings

import diffusers
import pytest

from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.errors import UserError
from tests.fakes import STABLE_DIFFUSION

TABLE = DiscreteNoiseTable.from_config(STABLE_DIFFUSION)


@pytest.mark.parametrize("zero_signal", [False, True])
@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_the_same_levels_as_diffusers(beta_schedule: str, zero_signal: bool) -> None:
    config = STABLE_DIFFUSION | {"beta_schedule": beta_schedule, "rescale_betas_zero_snr": zero_signal}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # diffusers, numpy 2
        theirs = diffusers.EulerDiscreteScheduler(**config)
    table = DiscreteNoiseTable.from_config(config)
    alphas = [1 / (1 + sigma**2) for sigma in table.sigmas]
    assert alphas == pytest.approx(theirs.alphas_cumprod.tolist(), rel=2e-3, abs=1e-9)
    assert (table.sigma_min, table.sigma_max) == (table.sigmas[0], table.sigmas[-1])


def test_zero_terminal_signal_is_capped() -> None:
    table = DiscreteNoiseTable.from_config(STABLE_DIFFUSION | {"rescale_betas_zero_snr": True})
    assert table.sigma_max == pytest.approx(4096, rel=1e-3)
    assert table.sigma_min == pytest.approx(TABLE.sigma_min)


def test_stable_diffusion_ends() -> None:
    assert (TABLE.sigma_min, TABLE.sigma_max) == pytest.approx((0.02917, 14.6146), rel=1e-3)
    assert len(TABLE.sigmas) == 1000


@pytest.mark.parametrize("t", [0, 0.3, 12.75, 500, 998.9, 999])
def test_t_is_the_inverse_of_sigma(t: float) -> None:
    assert TABLE.t(TABLE.sigma(t)) == pytest.approx(t, abs=1e-9)


def test_log_linear_between_the_levels() -> None:
    assert TABLE.sigma(500.5) == pytest.approx((TABLE.sigmas[500] * TABLE.sigmas[501]) ** 0.5)


def test_clamped_outside() -> None:
    assert (TABLE.t(0.0), TABLE.t(1e9)) == (0.0, 999.0)
    assert (TABLE.sigma(-5), TABLE.sigma(5000)) == (TABLE.sigma_min, TABLE.sigma_max)


def test_betas_given_one_by_one() -> None:
    table = DiscreteNoiseTable.from_config({"trained_betas": [0.5, 0.5]})
    assert table.sigmas == pytest.approx([1, 3**0.5])


def test_an_unknown_schedule_is_named() -> None:
    with pytest.raises(UserError, match="'magic'") as caught:
        DiscreteNoiseTable.from_config({"beta_schedule": "magic"})
    assert caught.value.code == "MODEL_TYPE"


@pytest.mark.parametrize(
    "config",
    [
        {"trained_betas": [2.0, 3.0]},
        {"beta_end": "large"},
        {"num_train_timesteps": 0},
        {"beta_start": None},
        {"num_train_timesteps": 20_000_000},
        {"trained_betas": [0.001] * 20_000},
        {"trained_betas": [1 - 2**-53] * 20},  # so little signal that its sigma is infinite
    ],
)
def test_a_configuration_without_sense_is_corrupt(config: dict[str, object]) -> None:
    with pytest.raises(UserError, match="no noise levels") as caught:
        DiscreteNoiseTable.from_config(config)
    assert caught.value.code == "MODEL_CORRUPT"
