"""A chain of restorers: how large it makes a picture, and which part of one decides about which part of the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.raster import Box
from sdtoolbox.tasks.faces import restores_faces, spanned
from sdtoolbox.tasks.tiling import FEATHER, Treatment


@dataclass(frozen=True, slots=True)
class Chain:
    """Treatments, one after another, of a picture of `size`; it comes out in size `final`, both in pixels.

    `faces` were found in the picture, if there are treatments of faces.
    """

    treatments: Sequence[Treatment]
    size: tuple[int, int]
    final: tuple[int, int]
    faces: Sequence[Face] = ()

    @property
    def scale(self) -> int:
        """How many times larger the restorers alone make a picture."""
        return math.prod(one.restorer.scale for one in self.treatments)

    @property
    def resizes(self) -> bool:
        """Whether a resampling follows."""
        return self.final != (self.size[0] * self.scale, self.size[1] * self.scale)

    def around(self, box: Box) -> Box:
        """The part of the picture that decides about what comes out of a box, beginning where whole tiles could."""
        scales = [*accumulate((one.restorer.scale for one in self.treatments), initial=1)][:-1]
        multiple = math.lcm(*(one.restorer.multiple for one in self.treatments))
        box = self._grown(box, FEATHER if self.resizes else 0)
        for one, scale in reversed([*zip(self.treatments, scales, strict=True)]):
            if restores_faces(one):
                box = spanned(box, self.faces, self.size)
            else:
                box = self._grown(box, -(-(one.margin + FEATHER) // scale))
        left, top = (edge // multiple * multiple for edge in box[:2])
        return left, top, *box[2:]

    def _grown(self, box: Box, margin: int) -> Box:
        left, top = (max(0, edge - margin) for edge in box[:2])
        return left, top, min(self.size[0], box[2] + margin), min(self.size[1], box[3] + margin)

    def place(self, box: Box) -> Box:
        """Where a box of the picture lies in the result."""
        across, down = self.final[0] / self.size[0], self.final[1] / self.size[1]
        left, top = min(self.final[0] - 1, round(box[0] * across)), min(self.final[1] - 1, round(box[1] * down))
        right, bottom = round(box[2] * across), round(box[3] * down)
        return left, top, max(left + 1, right), max(top + 1, bottom)


def chained(treatments: Sequence[Treatment], size: tuple[int, int], final: tuple[int, int] | None = None) -> Chain:
    """The chain for a picture of this size; without a `final` size it is the one that the restorers give it."""
    scale = math.prod(one.restorer.scale for one in treatments)
    return Chain(treatments, size, final or (size[0] * scale, size[1] * scale))
