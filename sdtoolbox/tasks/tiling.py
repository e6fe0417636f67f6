"""One restorer over a picture of any size: tile by tile, each fading into its neighbours, into the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdtoolbox.errors import UserError
from sdtoolbox.images.canvas import canvas
from sdtoolbox.images.resampling import resampled
from sdtoolbox.images.tiling import Side
from sdtoolbox.protocols import Pixels, Restorer

FEATHER = 16
"""Pixels over which a tile fades into its neighbour, beyond what neither knows its surroundings in."""
REACH = 48
"""What tiles share at each side for restorers of which every pixel sees the whole picture."""
TILES_ACROSS = 4
"""How many times a tile is as wide as its margin at least: else most of the work would be done twice."""
LEAST_TILE = 64


@dataclass(frozen=True, slots=True)
class Treatment:
    """A restorer and how it is used.

    `noise` is a standard deviation in [0, 1], `quality` that of the JPEG that the picture was, `blend` the share of the
    result.
    """

    restorer: Restorer
    noise: float = 0.0
    blend: float = 1.0
    quality: int = 100
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def margin(self) -> int:
        """Pixels at the inner ends of a tile of which nothing is used."""
        return REACH if self.restorer.reach is None else self.restorer.reach

    def __call__(self, pixels: Pixels, at: tuple[int, int] = (0, 0)) -> Pixels:
        """What becomes of a tile that begins `at` (top, left), [H, W, 3] -> [H * scale, W * scale, 3]."""
        found = self.restorer(pixels, noise=self.noise, quality=self.quality, at=at, **self.options)
        if self.blend == 1:
            return found
        before = pixels if self.restorer.scale == 1 else resampled(pixels, found.shape[1], found.shape[0])
        return self.blend * found + (1 - self.blend) * before


def treated(
    treatment: Treatment,
    source: np.ndarray,
    dtype: np.dtype,
    on_part: Callable[[float], object] = lambda done: None,
    at: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """[H, W, 3] of 8 or 16 bits -> [H * scale, W * scale, 3] of the type asked for.

    `source` is a part of a picture that begins `at` (top, left), or all of it.
    `on_part` is told which share is done after each tile, and may raise. Where a tile does not fit into memory all is
    done again in tiles half as wide; OUT_OF_MEMORY if even the least ones do not.
    """
    tile = tile_of(treatment)
    while True:
        try:
            return _in_tiles(treatment, source, dtype, tile, on_part, at)
        except UserError as error:
            if error.code != "OUT_OF_MEMORY" or tile // 2 < least_tile(treatment):
                raise
            tile = _up(tile // 2, treatment.restorer.multiple)


def tile_of(treatment: Treatment) -> int:
    """The side of the tiles that are tried first."""
    wanted = treatment.restorer.tile or 512
    return _up(max(wanted, TILES_ACROSS * treatment.margin), treatment.restorer.multiple)


def least_tile(treatment: Treatment) -> int:
    """The smallest side of tiles of which something is left between the margins."""
    multiple = treatment.restorer.multiple
    return max(_up(LEAST_TILE, multiple), _up(2 * treatment.margin + FEATHER, multiple) + _up(FEATHER, multiple))


def _in_tiles(
    treatment: Treatment,
    source: np.ndarray,
    dtype: np.dtype,
    tile: int,
    on_part: Callable[[float], object],
    at: tuple[int, int],
) -> np.ndarray:
    height, width = source.shape[:2]
    multiple, scale, margin = treatment.restorer.multiple, treatment.restorer.scale, treatment.margin
    sides = [
        Side.of(_up(size, multiple), tile, 2 * margin + FEATHER, margin=margin, multiple=multiple)
        for size in (height, width)
    ]
    rows, columns = sides
    down, across = rows.weights(scale), columns.weights(scale)
    result = canvas((height * scale, width * scale, 3), dtype)
    band = np.zeros((rows.tile * scale, columns.size * scale, 3), np.float32)
    finished = 0
    total = len(rows.starts) * len(columns.starts)
    for r, top in enumerate(rows.starts):
        # What no later tile reaches is done; the rest moves up.
        finished = _flush(band, result, finished, top * scale)
        for c, left in enumerate(columns.starts):
            found = treatment(_tile(source, top, left, rows.tile, columns.tile), (at[0] + top, at[1] + left))
            place = slice(left * scale, (left + columns.tile) * scale)
            band[:, place] += found * (down[r][:, None] * across[c])[..., None]
            on_part((r * len(columns.starts) + c + 1) / total)
    _flush(band, result, finished, height * scale)
    return result


def _tile(source: np.ndarray, top: int, left: int, height: int, width: int) -> Pixels:
    """A tile of a picture that goes on as its own mirror image beyond its right and lower edges."""
    rows, columns = _mirrored(top, height, source.shape[0]), _mirrored(left, width, source.shape[1])
    part = source[rows[0] : rows[-1] + 1] if _plain(rows) else source[rows]
    part = part[:, columns[0] : columns[-1] + 1] if _plain(columns) else part[:, columns]
    return part.astype(np.float32) / np.float32(np.iinfo(source.dtype).max)


def _mirrored(start: int, size: int, of: int) -> np.ndarray:
    around = max(1, 2 * (of - 1))
    places = np.arange(start, start + size) % around
    return np.minimum(places, around - places) if of > 1 else np.zeros(size, int)


def _plain(places: np.ndarray) -> bool:
    return bool(places[-1] - places[0] == len(places) - 1)


def _flush(band: np.ndarray, result: np.ndarray, begin: int, end: int) -> int:
    """Write the band's first rows, which are [begin, end) of the result, and move the others up; gives `end` back."""
    count = end - begin
    if not count:
        return end
    most = 255 if result.dtype == np.uint8 else 65535
    done = band[:count, : result.shape[1]]
    result[begin:end] = np.rint((done * most).clip(0, most)).astype(result.dtype)
    band[: -count or None] = band[count:] if count < len(band) else 0
    band[len(band) - count :] = 0
    return end


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
