from __future__ import annotations

import math
from itertools import pairwise

import pytest

from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.samplers import schedules
from tests.fakes import STABLE_DIFFUSION, builtin_registries

TABLE = DiscreteNoiseTable.from_config(STABLE_DIFFUSION)
ZERO_SIGNAL = DiscreteNoiseTable.from_config(STABLE_DIFFUSION | {"rescale_betas_zero_snr": True})
ALL = [entry.value.function for entry in builtin_registries().schedules]


@pytest.mark.parametrize("table", [TABLE, ZERO_SIGNAL], ids=["sd1", "zero terminal signal"])
@pytest.mark.parametrize("steps", [1, 2, 20, 1000])
@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: schedule.__name__)
def test_every_schedule_falls_from_all_noise_to_none(schedule, steps: int, table: DiscreteNoiseTable) -> None:  # type: ignore[no-untyped-def]
    sigmas = schedule(steps, table)
    assert len(sigmas) == steps + 1
    if schedule is not schedules.ddim_uniform:  # it counts from the second level, and ends before the last
        assert sigmas[0] == pytest.approx(table.sigma_max)
    assert sigmas[-1] == 0
    assert all(a > b for a, b in pairwise(sigmas))


def test_uniform_and_sgm_uniform_are_even_in_training_time() -> None:
    assert [TABLE.t(s) for s in schedules.uniform(4, TABLE)[:-1]] == pytest.approx([999, 666, 333, 0])
    assert [TABLE.t(s) for s in schedules.sgm_uniform(4, TABLE)[:-1]] == pytest.approx([999, 749.25, 499.5, 249.75])


def test_karras_against_published_values() -> None:
    """The eight levels that k-diffusion and diffusers give for Stable Diffusion 1."""
    sigmas = schedules.karras(8, TABLE)
    assert sigmas[:3] == pytest.approx([14.615, 7.903, 4.028], abs=1e-3)
    assert sigmas[-2] == pytest.approx(0.0292, abs=1e-4)


def test_exponential_falls_by_one_factor() -> None:
    sigmas = schedules.exponential(10, TABLE)[:-1]
    factors = [b / a for a, b in pairwise(sigmas)]
    assert factors == pytest.approx([factors[0]] * 9)


@pytest.mark.parametrize(
    ("schedule", "steps", "times"),
    [
        (schedules.simple, 4, [999, 749, 499, 249]),
        (schedules.ddim_uniform, 4, [751, 501, 251, 1]),
        (schedules.turbo, 3, [999, 899, 799]),
    ],
)
def test_training_times(schedule, steps: int, times: list[float]) -> None:  # type: ignore[no-untyped-def]
    assert [TABLE.t(s) for s in schedule(steps, TABLE)[:-1]] == pytest.approx(times)


def test_optimised_levels_are_the_published_ones_for_ten_steps() -> None:
    levels = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
    assert schedules.align_your_steps(10, TABLE) == pytest.approx(levels, abs=1e-3)


def test_kl_optimal_is_even_in_the_arc_tangent() -> None:
    angles = [math.atan(s) for s in schedules.kl_optimal(9, TABLE)[:-1]]
    gaps = [a - b for a, b in pairwise(angles)]
    assert gaps == pytest.approx([gaps[0]] * 8)


def test_beta_follows_the_quantiles_of_the_beta_distribution() -> None:
    """The quantiles of Beta(0.6, 0.6), found again by adding up its density."""
    assert schedules._beta_quantile(0.5) == pytest.approx(0.5)
    assert schedules._beta_quantile(0.25) == pytest.approx(1 - schedules._beta_quantile(0.75))
    tenth = schedules._beta_quantile(0.1)
    parts = [(i + 0.5) / 50_000 for i in range(50_000)]
    density = [(x * (1 - x)) ** -0.4 for x in parts]
    below = sum(d for x, d in zip(parts, density, strict=True) if x < tenth) / sum(density)
    assert below == pytest.approx(0.1, abs=2e-3)


def test_karras_takes_another_rho_and_other_ends() -> None:
    levels = schedules.karras(5, TABLE, rho=2.0, sigma_min=0.1, sigma_max=10.0)
    roots = [level**0.5 for level in levels[:-1]]
    assert (levels[0], levels[-2]) == (pytest.approx(10), pytest.approx(0.1))
    assert [b - a for a, b in pairwise(roots)] == pytest.approx([roots[1] - roots[0]] * 4)


def test_polyexponential_bends_the_ladder_of_exponential() -> None:
    assert schedules.polyexponential(7, TABLE) == schedules.exponential(7, TABLE)
    logs = [math.log(level) for level in schedules.polyexponential(5, TABLE, rho=2.0)[:-1]]
    low, high = math.log(TABLE.sigma_min), math.log(TABLE.sigma_max)
    assert logs == pytest.approx([low + part**2 * (high - low) for part in (1, 0.75, 0.5, 0.25, 0)])


@pytest.mark.parametrize("schedule", [schedules.karras, schedules.exponential, schedules.kl_optimal])
def test_ends_that_cross_still_fall(schedule) -> None:  # type: ignore[no-untyped-def]
    levels = schedule(4, TABLE, sigma_min=50.0, sigma_max=3.0)
    assert all(a > b for a, b in pairwise(levels))


def test_a_lopsided_beta_distribution() -> None:
    """alpha = 2, beta = 1 gathers x² up to x; alpha = 1, beta = 3 gathers 1 - (1 - x)³."""
    for probability in (0.01, 0.2, 0.5, 0.9):
        assert schedules._beta_quantile(probability, 2.0, 1.0) == pytest.approx(probability**0.5)
        assert schedules._beta_quantile(probability, 1.0, 3.0) == pytest.approx(1 - (1 - probability) ** (1 / 3))
