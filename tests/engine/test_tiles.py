from __future__ import annotations

import math
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from sdtoolbox.engine.tiles import Tile, Tiling
from sdtoolbox.images.tiling import Side

N = TypeVar("N", bound=nn.Module)


def seeded(network: N) -> N:
    """The network with weights that are the same every time, and not to be learned."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=generator)
    return network.requires_grad_(False)


def tiling(circle: bool = False) -> Tiling:
    return Tiling(Side.of(41, 16, 6, circle=circle), Side.of(30, 12, 5, circle=circle))


@pytest.mark.parametrize("circle", [False, True])
@pytest.mark.parametrize(("takes", "gives"), [(1, 1), (4, 1), (1, 4)])
def test_a_plane_is_put_together_from_its_tiles(circle: bool, takes: int, gives: int) -> None:
    plane = torch.randn(2, 3, 41, 30, generator=torch.Generator().manual_seed(0))
    larger = plane.repeat_interleave(takes, -1).repeat_interleave(takes, -2)

    def call(tile: Tile) -> Tensor:
        seen = tile.of(larger, takes)
        assert seen.shape == (2, 3, 16 * takes, 12 * takes)
        return seen[..., ::takes, ::takes].repeat_interleave(gives, -1).repeat_interleave(gives, -2)

    wanted = plane.repeat_interleave(gives, -1).repeat_interleave(gives, -2)
    torch.testing.assert_close(tiling(circle).blended(call, gives), wanted, rtol=0, atol=1e-6)


def test_what_sees_less_than_the_overlap_sees_no_tiles_away_from_their_edges() -> None:
    network = seeded(nn.Conv2d(3, 2, 3, padding=1))
    plane = torch.randn(1, 3, 41, 30, generator=torch.Generator().manual_seed(1))
    cut = tiling()
    with torch.no_grad():
        wanted = network(plane)
        found = cut.blended(lambda tile: network(tile.of(plane)))
    wrong = torch.zeros(41, 30, dtype=torch.bool)
    for starts, side, rows in ((cut.rows.starts, 16, True), (cut.columns.starts, 12, False)):
        for edge in (*starts[1:], *(start + side - 1 for start in starts[:-1])):
            wrong[edge if rows else slice(None), slice(None) if rows else edge] = True
    torch.testing.assert_close(found[..., ~wrong], wanted[..., ~wrong], rtol=0, atol=1e-5)
    away = (found - wanted)[..., wrong].abs().max()
    assert 0 < away < 0.1 * wanted.abs().max(), "there an edge hardly counts"


def test_on_a_circle_no_place_is_an_edge() -> None:
    network = seeded(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"))
    plane = torch.randn(1, 1, 30, 30, generator=torch.Generator().manual_seed(2))
    side = Side.of(30, 12, 2, circle=True)
    assert side.starts == (0, 10, 20)

    def blended(plane: Tensor) -> Tensor:
        cut = Tiling(side, side)
        return cut.blended(lambda tile: network(tile.of(plane)))

    with torch.no_grad():
        rolled = blended(plane.roll((10, 20), (2, 3)))
        torch.testing.assert_close(rolled, blended(plane).roll((10, 20), (2, 3)), rtol=0, atol=1e-5)


def test_tiles_that_disagree_fade_into_each_other() -> None:
    """Every tile says its own number: no two neighbours differ by more than a smooth ramp between two of them does."""
    cut = Tiling(Side.of(1, 1, 0), Side.of(90, 40, 15))
    plane = cut.blended(lambda tile: torch.full((1, 40), float(tile.column)))
    steps = plane.diff().abs()
    assert (steps >= 0).all() and plane.min() == 0 and plane.max() == 2
    assert steps.max() <= math.pi / 2 / 15 + 1e-6
    assert (plane.diff() >= -1e-6).all()


def test_one_tile_is_the_plane_itself() -> None:
    plane = torch.randn(1, 1, 8, 8)
    whole = Tiling(Side.of(8, 9, 20), Side.of(8, 8, 4))
    assert whole.whole
    assert whole.blended(lambda tile: tile.of(plane)) is plane
