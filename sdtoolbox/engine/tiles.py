"""Planes that are too large to be seen at once: tiles that overlap, of which each fades into its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sdtoolbox.images.tiling import Side


@dataclass(frozen=True, slots=True)
class Tile:
    """Where one tile lies in a plane."""

    tiling: Tiling
    row: int
    column: int

    def of(self, plane: Tensor, factor: int = 1) -> Tensor:
        """What of [..., H * factor, W * factor] lies in it, H x W being the plane that the tiling was made for."""
        if self.tiling.whole:
            return plane
        rows, columns = (places.to(plane.device) for places in self.places(factor))
        return plane[..., rows[:, None], columns]

    def places(self, factor: int = 1) -> tuple[Tensor, Tensor]:
        """Its rows and its columns."""
        rows, columns = self.tiling.rows, self.tiling.columns
        places = rows.places(rows.starts[self.row], factor), columns.places(columns.starts[self.column], factor)
        return torch.from_numpy(places[0]), torch.from_numpy(places[1])


@dataclass(frozen=True, slots=True)
class Tiling:
    """A plane cut into tiles."""

    rows: Side
    columns: Side

    @property
    def whole(self) -> bool:
        """True if one tile is all."""
        return len(self.rows.starts) == len(self.columns.starts) == 1

    def __iter__(self) -> Iterator[Tile]:
        """Row by row."""
        for row in range(len(self.rows.starts)):
            for column in range(len(self.columns.starts)):
                yield Tile(self, row, column)

    def blended(self, call: Callable[[Tile], Tensor], factor: int = 1) -> Tensor:
        """What `call` makes of each tile, [..., h * factor, w * factor], as one plane [..., H * factor, W * factor].

        Needs memory for that plane and for what one call needs.
        """
        if self.whole:
            return call(next(iter(self)))
        down, across = torch.from_numpy(self.rows.weights(factor)), torch.from_numpy(self.columns.weights(factor))
        plane: Tensor | None = None
        for tile in self:
            part = call(tile)
            if plane is None:
                plane = part.new_zeros(*part.shape[:-2], self.rows.size * factor, self.columns.size * factor)
            rows, columns = (places.to(part.device) for places in tile.places(factor))
            weights = down[tile.row][:, None] * across[tile.column]
            plane[..., rows[:, None], columns] += part * weights.to(part)
        assert plane is not None, "there is at least one tile"
        return plane
