"""Planes that are too large to be seen at once: tiles that overlap, of which each fades into its neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sdtoolbox.errors import UserError


@dataclass(frozen=True, slots=True)
class Side:
    """The tiles along one side of a plane: as many as are needed, of one size, evenly spread.

    On a circle the last one reaches over the end into the first.
    """

    size: int
    tile: int
    starts: tuple[int, ...]
    circle: bool = False

    @classmethod
    def of(cls, size: int, tile: int, overlap: int, *, circle: bool = False) -> Side:
        """At least `overlap` places are shared by two neighbours; PARAM_INVALID if that leaves a tile none of its own.

        One tile, of the whole size, where that is not larger than a `tile`.
        """
        if size <= tile:
            return cls(size, size, (0,), circle)
        if overlap >= tile:
            raise UserError(
                "PARAM_INVALID",
                "the tiles overlap by as much as they are wide.",
                "Choose larger tiles or a smaller overlap.",
                "tile_overlap",
            )
        way = size if circle else size - tile
        steps = math.ceil(way / (tile - overlap))
        return cls(size, tile, tuple(round(i * way / steps) for i in range(steps if circle else steps + 1)), circle)

    def places(self, start: int, factor: int) -> Tensor:
        """Where the places of a tile lie, counted in pieces of which `factor` are one place of the plan."""
        return torch.arange(start * factor, (start + self.tile) * factor) % (self.size * factor)

    def weights(self, factor: int) -> Tensor:
        """[tiles, tile * factor]: how much each tile counts at each of its places; all together 1 at every place."""
        raw = torch.stack([self._window(i, factor) for i in range(len(self.starts))])
        total = torch.zeros(self.size * factor, dtype=raw.dtype)
        for start, window in zip(self.starts, raw, strict=True):
            total[self.places(start, factor)] += window
        sums = torch.stack([total[self.places(start, factor)] for start in self.starts])
        return (raw / sums).float()

    def _window(self, i: int, factor: int) -> Tensor:
        """Rises where the one before ends and falls where the next one begins, as sin² and cos²: they add up to 1."""
        window = torch.ones(self.tile * factor, dtype=torch.float64)
        before, after = (self._shared(i, other) * factor for other in (i - 1, i + 1))
        window[:before] *= _rise(before)
        window[len(window) - after :] *= _rise(after).flip(0)
        return window

    def _shared(self, i: int, other: int) -> int:
        """How many places tile i shares with the one before or after it."""
        if len(self.starts) == 1 or not (self.circle or 0 <= other < len(self.starts)):
            return 0
        distance = (self.starts[other % len(self.starts)] - self.starts[i]) * (other - i)
        return max(0, self.tile - distance % self.size)


def _rise(places: int) -> Tensor:
    return torch.sin((torch.arange(places, dtype=torch.float64) + 0.5) / max(1, places) * math.pi / 2) ** 2


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
        return rows.places(rows.starts[self.row], factor), columns.places(columns.starts[self.column], factor)


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
        down, across = self.rows.weights(factor), self.columns.weights(factor)
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
