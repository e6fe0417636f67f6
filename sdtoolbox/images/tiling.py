"""Planes that are too large to be seen at once: where tiles lie along a side, and how much each counts where."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdtoolbox.errors import UserError


@dataclass(frozen=True, slots=True)
class Side:
    """The tiles along one side of a plane: as many as are needed, of one size, evenly spread.

    Within `margin` places of an end that lies inside the plane a tile counts nothing: what is there knows too little of
    its surroundings. On a circle the last tile reaches over the end into the first.
    """

    size: int
    tile: int
    starts: tuple[int, ...]
    circle: bool = False
    margin: int = 0

    @classmethod
    def of(
        cls, size: int, tile: int, overlap: int, *, circle: bool = False, margin: int = 0, multiple: int = 1
    ) -> Side:
        """At least `overlap` places are shared by two neighbours; PARAM_INVALID if that leaves a tile none of its own.

        One tile, of the whole size, where that is not larger than a `tile`. Tiles begin at multiples of `multiple`,
        of which `size` and `tile` must be some too.
        """
        if size % multiple or tile % multiple or 2 * margin > overlap:
            raise ValueError(f"tiles of {tile} in {size}, sharing {overlap}: not of {multiple}, or margins of {margin}")
        if size <= tile:
            return cls(size, size, (0,), circle)
        least = multiple * math.ceil(overlap / multiple)
        if least >= tile:
            raise UserError(
                "PARAM_INVALID",
                "the tiles overlap by as much as they are wide.",
                "Choose larger tiles or a smaller overlap.",
                "tile_overlap",
            )
        way = (size if circle else size - tile) // multiple
        steps = math.ceil(way / ((tile - least) // multiple))
        starts = (multiple * round(i * way / steps) for i in range(steps if circle else steps + 1))
        return cls(size, tile, tuple(starts), circle, margin)

    def places(self, start: int, factor: int) -> NDArray[np.int64]:
        """Where the places of a tile lie, counted in pieces of which `factor` are one place of the plan."""
        return np.arange(start * factor, (start + self.tile) * factor) % (self.size * factor)

    def weights(self, factor: int) -> NDArray[np.float32]:
        """[tiles, tile * factor]: how much each tile counts at each of its places; all together 1 at every place."""
        raw = np.stack([self._window(i, factor) for i in range(len(self.starts))])
        total = np.zeros(self.size * factor)
        for start, window in zip(self.starts, raw, strict=True):
            total[self.places(start, factor)] += window
        sums = np.stack([total[self.places(start, factor)] for start in self.starts])
        return (raw / sums).astype(np.float32)

    def _window(self, i: int, factor: int) -> NDArray[np.float64]:
        """Rises where the one before ends and falls where the next one begins, as sin² and cos²: they add up to 1."""
        window = np.ones(self.tile * factor)
        before, after = (self._shared(i, other) * factor for other in (i - 1, i + 1))
        margin = self.margin * factor
        window[:before] *= _rise(before, margin)
        window[len(window) - after :] *= _rise(after, margin)[::-1]
        return window

    def _shared(self, i: int, other: int) -> int:
        """How many places tile i shares with the one before or after it."""
        if len(self.starts) == 1 or not (self.circle or 0 <= other < len(self.starts)):
            return 0
        distance = (self.starts[other % len(self.starts)] - self.starts[i]) * (other - i)
        return max(0, self.tile - distance % self.size)


def _rise(places: int, margin: int) -> NDArray[np.float64]:
    """From 0 to 1 between the margins at both ends."""
    between = places - 2 * margin
    way = (np.arange(places) + 0.5 - margin) / max(1, between)
    return np.asarray(np.sin(way.clip(0, 1) * math.pi / 2) ** 2)
