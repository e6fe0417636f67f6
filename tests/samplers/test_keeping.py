from __future__ import annotations

import inspect

import pytest
import torch

from sdtoolbox.engine.noise import BatchNoise
from sdtoolbox.samplers.keeping import keep_outside
from tests.fakes import builtin_registries, gaussian
from tests.samplers.problems import geometric, run

SAMPLERS = {entry.id: entry.value.function for entry in builtin_registries().samplers}
LEVELS = [*geometric(10.0, 0.1, 9), 0.0]
MASK = torch.tensor([0.0, 0.5, 1.0])[None, None, None]  # [1, 1, 1, 3]


def original() -> torch.Tensor:
    return torch.randn(1, 4, 5, 3, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_arrives_at_what_is_kept(sampler: str) -> None:
    picture = original()
    noise = BatchNoise([1, 2], (4, 5, 3), torch.device("cpu"))
    steered = keep_outside(picture, MASK, LEVELS)(gaussian)
    start = picture + noise.initial() * LEVELS[0]
    options = {"noise": noise} if "noise" in inspect.signature(SAMPLERS[sampler]).parameters else {}
    found = run(SAMPLERS[sampler], start, LEVELS, steered, **options)
    torch.testing.assert_close(found[..., 0], picture[..., 0].expand(2, 4, 5), rtol=0, atol=2e-5)
    assert (found[..., 2] - picture[..., 2]).abs().max() > 0.1


def test_grey_is_free_in_the_last_share_of_the_steps() -> None:
    picture, levels = torch.zeros(1, 1, 1, 3), [16.0, 8.0, 4.0, 2.0, 0.0]
    steered = keep_outside(picture, MASK, levels)(lambda x, sigma: torch.ones(1, 1, 1, 3))
    found = [steered(picture, sigma).flatten().tolist() for sigma in levels[:-1]]
    assert found == [[0, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 1]]
    assert steered(picture, 100.0).flatten().tolist() == [0, 0, 1], "above the first level it is the first step"
    assert steered(picture, 5.0).flatten().tolist() == [0, 0, 1], "between two levels"
    assert steered(picture, 3.0).flatten().tolist() == [0, 1, 1]


def test_a_step_that_belongs_to_the_share_in_part_counts_in_part() -> None:
    mask = torch.tensor([0.1, 0.5, 0.9])[None, None, None]
    steered = keep_outside(torch.zeros(1, 1, 1, 3), mask, [2.0, 1.0, 0.0])(lambda x, sigma: torch.ones(1, 1, 1, 3))
    x = torch.zeros(1, 1, 1, 3)
    torch.testing.assert_close(steered(x, 2.0).flatten(), torch.tensor([0.0, 0.0, 0.8]))
    torch.testing.assert_close(steered(x, 1.0).flatten(), torch.tensor([0.2, 1.0, 1.0]))


def test_all_black_keeps_every_bit_and_all_white_changes_none() -> None:
    picture, guess = original(), original() * 3
    for mask, wanted in ((torch.zeros(1, 1, 5, 3), picture), (torch.ones(1, 1, 5, 3), guess)):
        steered = keep_outside(picture, mask, LEVELS)(lambda x, sigma: guess)
        assert all(torch.equal(steered(picture, sigma), wanted) for sigma in LEVELS[:-1])
