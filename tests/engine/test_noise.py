from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.noise import BatchNoise, BrownianPath

SHAPE = (4, 64, 64)  # 16,384 numbers: means are good to about 1 %
LEVELS = [4096.0, 14.6, 9.3, 8.0, 3.1, 1.0, 0.999, 0.2, 0.03, 0.001, 0.0]


def walk(path: BrownianPath, a: float, b: float) -> Tensor:
    return path.increment(a, b) * math.sqrt(a - b)


def correlation(a: Tensor, b: Tensor) -> float:
    return float((a * b).mean() / (a.std() * b.std()))


def test_the_start_is_what_torch_draws_first() -> None:
    assert torch.equal(BrownianPath(7, SHAPE).initial(), torch.randn(SHAPE, generator=torch.Generator().manual_seed(7)))


@pytest.mark.parametrize(("a", "b"), [*itertools.pairwise(LEVELS), (14.6, 0.03), (4096.0, 0.0), (8.0, 7.9999)])
def test_every_increment_has_unit_variance(a: float, b: float) -> None:
    drawn = BrownianPath(1, SHAPE).increment(a, b)
    assert float(drawn.std()) == pytest.approx(1, abs=0.03)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.03)


def test_increments_of_separate_steps_are_independent() -> None:
    path = BrownianPath(2, SHAPE)
    drawn = [path.initial(), *(path.increment(a, b) for a, b in itertools.pairwise(LEVELS))]
    for one, other in itertools.combinations(drawn, 2):
        assert abs(correlation(one, other)) < 0.04


def test_neighbouring_increments_add_up() -> None:
    path = BrownianPath(3, SHAPE)
    whole = walk(path, 14.6, 0.03)
    parts = sum(walk(path, a, b) for a, b in [(14.6, 9.3), (9.3, 0.999), (0.999, 0.03)])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)


def test_overlapping_increments_share_their_overlap() -> None:
    path = BrownianPath(4, SHAPE)
    # (8, 3] and (5, 1] overlap by 2 of their lengths 5 and 4.
    assert correlation(path.increment(8, 3), path.increment(5, 1)) == pytest.approx(2 / math.sqrt(20), abs=0.03)


def test_values_depend_on_seed_and_position_alone() -> None:
    steps = list(itertools.pairwise(LEVELS))
    forward, backward = BrownianPath(5, SHAPE), BrownianPath(5, SHAPE)
    expected = [forward.increment(a, b) for a, b in steps]
    found = [backward.increment(a, b) for a, b in reversed(steps)]
    for one, other in zip(expected, reversed(found), strict=True):
        assert torch.equal(one, other)
    other_seed = BrownianPath(6, SHAPE).increment(*steps[1])
    assert abs(correlation(other_seed, expected[1])) < 0.04


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (1.0, 2.0)])
def test_rising_or_standing_still_is_a_fresh_draw(a: float, b: float) -> None:
    path, again = BrownianPath(7, SHAPE), BrownianPath(7, SHAPE)
    first, second = path.increment(a, b), path.increment(a, b)
    assert abs(correlation(first, second)) < 0.04
    assert abs(correlation(first, path.increment(2, 1))) < 0.04
    assert float(first.std()) == pytest.approx(1, abs=0.03)
    assert torch.equal(again.increment(a, b), first)


def test_an_image_has_the_same_noise_in_any_batch() -> None:
    batch = BatchNoise([10, 11, 12], (4, 8, 8), torch.device("cpu"))
    alone = BatchNoise([12], (4, 8, 8), torch.device("cpu"))
    assert batch.initial().shape == (3, 4, 8, 8)
    assert torch.equal(batch.initial()[2], alone.initial()[0])
    assert torch.equal(batch(3.0, 1.0)[2], alone(3.0, 1.0)[0])
    assert torch.equal(batch(1.0, 2.0)[2], alone(1.0, 2.0)[0])


def test_the_global_random_state_is_neither_read_nor_moved() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first = BatchNoise([1], (4, 8, 8), torch.device("cpu"))(2.0, 1.0)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(BatchNoise([1], (4, 8, 8), torch.device("cpu"))(2.0, 1.0), first)


def test_seeds_that_torch_cannot_tell_apart_start_differently() -> None:
    starts = [BrownianPath(seed, SHAPE).initial() for seed in (7, 7 + 2**32, 7 + 2**33, 2**53 - 1)]
    for a, b in itertools.combinations(starts, 2):
        assert not torch.equal(a, b)


def test_each_image_of_a_batch_can_be_asked_alone() -> None:
    """Fresh draws are counted by image: what one draws more than another changes nothing for it."""
    seeds, shape = [3, 4], (4, 6, 6)
    batch = BatchNoise(seeds, shape, torch.device("cpu"))
    together = [batch.of(0)(1, 1), batch.of(0)(2, 2), batch.of(1)(1, 1), batch.of(0)(8, 2), batch.of(1)(8, 2)]
    first, second = (BatchNoise([seed], shape, torch.device("cpu")) for seed in seeds)
    alone = [first(1, 1), first(2, 2), second(1, 1), first(8, 2), second(8, 2)]
    for one, other in zip(together, alone, strict=True):
        assert one.shape == (1, *shape)
        assert torch.equal(one, other)
    assert not torch.equal(together[0], together[1])
