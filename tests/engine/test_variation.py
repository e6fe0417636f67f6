"""Between two noises, and a noise in the middle of another: the rules of A1111, checked by their geometry."""

from __future__ import annotations

import pytest
import torch

from sdtoolbox.engine.noise import BatchNoise, BrownianPath, Moved
from sdtoolbox.engine.variation import between, placed

SHAPE = (4, 12, 10)
CPU = torch.device("cpu")


def noise(seed: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_ends_are_the_two_noises() -> None:
    torch.testing.assert_close(between(0.0, noise(1), noise(2)), noise(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(between(1.0, noise(1), noise(2)), noise(2), atol=1e-5, rtol=0)


def test_the_way_is_an_arc_column_by_column() -> None:
    """At right angles and of one length: half way is (a + b) / sqrt(2), a third of the way cos 30° a + sin 30° b."""
    a, b = torch.zeros(1, 2, 1), torch.zeros(1, 2, 1)
    a[0, 0], b[0, 1] = 3.0, 3.0
    torch.testing.assert_close(between(0.5, a, b), (a + b) / 2**0.5)
    torch.testing.assert_close(between(1 / 3, a, b), a * 0.75**0.5 + b * 0.5)


def test_it_stays_as_loud_and_a_noise_and_itself_are_no_way_apart() -> None:
    large = (4, 64, 64)
    assert between(0.4, noise(1, large), noise(2, large)).std() == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(between(0.4, noise(1), noise(1)), noise(1))


@pytest.mark.parametrize("small", [(4, 6, 4), (4, 12, 4), (4, 5, 3)])
def test_a_smaller_noise_lies_in_the_middle(small: tuple[int, int, int]) -> None:
    result = placed(noise(1, small), noise(2))
    top, left = (12 - small[1]) // 2, (10 - small[2]) // 2
    assert torch.equal(result[:, top : top + small[1], left : left + small[2]], noise(1, small))
    result[:, top : top + small[1], left : left + small[2]] = 0
    around = noise(2)
    around[:, top : top + small[1], left : left + small[2]] = 0
    assert torch.equal(result, around)


def test_of_a_larger_noise_the_middle_is_taken() -> None:
    large = noise(1, (4, 16, 14))
    assert torch.equal(placed(large, noise(2)), large[:, 2:14, 2:12])


def test_a_batch_moves_each_image_towards_its_own_seed() -> None:
    moved = BatchNoise([5, 5], SHAPE, CPU, Moved([8, 9], 0.3, SHAPE)).initial()
    assert torch.equal(moved[0], between(0.3, noise(5), noise(8)))
    assert torch.equal(moved[1], between(0.3, noise(5), noise(9)))
    assert torch.equal(BatchNoise([5], SHAPE, CPU, Moved([8], 0.0, SHAPE)).initial()[0], noise(5))


def test_a_seed_from_another_size_is_moved_there_and_then_placed() -> None:
    small = (4, 6, 4)
    moved = BatchNoise([5], SHAPE, CPU, Moved([8], 0.3, small)).initial()[0]
    assert torch.equal(moved, placed(between(0.3, noise(5, small), noise(8, small)), noise(5)))


def test_large_seeds_have_noise_of_other_sizes_too() -> None:
    path = BrownianPath(2**40, SHAPE)
    assert path.initial_of((4, 3, 3)).shape == (4, 3, 3)
    assert torch.equal(path.initial_of(SHAPE), path.initial())
