"""How the networks of a model are called: changed within, tile by tile, and looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

from torch import Tensor

from sdtoolbox.changes import Change, Seamless, Tiles
from sdtoolbox.engine.changes import HOOKS, changed
from sdtoolbox.engine.finite import finite
from sdtoolbox.engine.group_norms import has_group_norms, recorded, thumbnail, used
from sdtoolbox.engine.tiles import Tiling
from sdtoolbox.images.tiling import Side

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Calling:
    """Calls under some changes; sizes are in latents, of which each is `factor` pixels wide and high."""

    changes: tuple[Change, ...]
    factor: int

    def last(self, kind: type[C]) -> C | None:
        """The last change of this kind."""
        return next((change for change in reversed(self.changes) if isinstance(change, kind)), None)

    def tiling(self, height: int, width: int) -> Tiling:
        """How a plane of this size is cut up: one tile without the change `Tiles`."""
        tiles = self.last(Tiles)
        if tiles is None:
            return Tiling(Side.of(height, height, 0), Side.of(width, width, 0))
        joined = [change for change in self.changes if isinstance(change, Seamless)]
        overlap = ceil(tiles.overlap / self.factor)
        return Tiling(
            Side.of(height, max(1, tiles.height // self.factor), overlap, circle=any(one.vertical for one in joined)),
            Side.of(width, max(1, tiles.width // self.factor), overlap, circle=any(one.horizontal for one in joined)),
        )

    def blended(
        self,
        network: Any,
        stage: str,
        call: Callable[[Tensor], Tensor],
        plane: Tensor,
        *,
        takes: int = 1,
        gives: int = 1,
    ) -> Tensor:
        """What `call`, which asks `network`, makes of each tile of `plane`, put together.

        `takes` and `gives`: how many places of the plane and of the answer a latent is wide. The group norms of all
        tiles take out what they find in the whole, made as small as a tile, which costs one more call. NUMERIC and
        OUT_OF_MEMORY name the `stage`.
        """
        tiling = self.tiling(plane.shape[-2] // takes, plane.shape[-1] // takes)
        tiles = None if tiling.whole else self.last(Tiles)

        def asked(seen: Tensor, inner: Sequence[Change]) -> Tensor:
            if tiles is not None:
                tiles.before_each()

            def called() -> Tensor:
                with changed(network, inner):
                    return call(seen)

            return finite(called if inner else lambda: call(seen), network, stage, seen)

        inner = self._inner(tiling)
        with ExitStack() as held:
            if not tiling.whole and has_group_norms(network):
                small = thumbnail(plane, tiling.rows.tile * takes, tiling.columns.tile * takes)
                with recorded(network) as moments:
                    asked(small, self._inner(None))
                held.enter_context(used(network, moments))
            return tiling.blended(lambda tile: asked(tile.of(plane, takes), inner), gives)

    def _inner(self, tiling: Tiling | None) -> Sequence[Change]:
        """What is changed inside a network that sees one tile, or None for all: no tile meets its own other edge."""
        rows, columns = (1, 1) if tiling is None else (len(tiling.rows.starts), len(tiling.columns.starts))
        inner: list[Change] = []
        for change in self.changes:
            if isinstance(change, Seamless):
                change = Seamless(change.horizontal and columns == 1, change.vertical and rows == 1)
            if type(change) in HOOKS:
                inner.append(change)
        return inner
