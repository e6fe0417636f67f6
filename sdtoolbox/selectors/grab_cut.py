"""A thing cut out of its background by the colours of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension
    from sdtoolbox.images.raster import Box

Rounds = Annotated[int, Limits(1, 20)]
Point = tuple[int, int]
WORKING_SIDE = 512
"""Longest side of the picture that is cut: a second of work."""
SKETCH_SIDE = 160
"""Longest side of the picture in which boxes are tried."""
SKETCH_ROUNDS = 3
REACHES = (0.12, 0.2, 0.3, 0.42)
"""Boxes that are tried around points, by how far they reach beyond them, in shares of the longest side."""
POINT = 0.01
"""Radius of what a point says for sure, of the longest side."""
BACKGROUND, THING, MAYBE_BACKGROUND, MAYBE_THING = range(4)
"""What a pixel is, as OpenCV counts."""


def grab_cut(
    pixels: np.ndarray,
    points: Sequence[Point],
    box: Box | None,
    *,
    excluded: Sequence[Point] = (),
    rounds: Rounds = 5,
) -> np.ndarray:
    """The thing in the box, or at the points, cut out by GrabCut (Rother et al. 2004).

    `excluded` points are background for sure. Without a box several around the points are tried, and that is taken in
    which the thing has the clearest outline.
    """
    import cv2

    height, width = pixels.shape[:2]
    if box is None:
        sketch = _Scene.of(pixels, SKETCH_SIDE, points, excluded)
        box = sketch.unscaled(sketch.clearest_box())
    scene = _Scene.of(pixels, WORKING_SIDE, points, excluded)
    found = scene.cut(scene.scaled(box), rounds)
    large = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return (large >= 0.5).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Scene:
    """A picture at a size for work, [h, w, 3], with what was pointed at in it."""

    pixels: np.ndarray
    scale: float
    points: Sequence[Point]
    excluded: Sequence[Point]

    @classmethod
    def of(cls, pixels: np.ndarray, side: int, points: Sequence[Point], excluded: Sequence[Point]) -> _Scene:
        import cv2

        height, width = pixels.shape[:2]
        scale = min(1.0, side / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        here, away = (
            [(min(int(x * scale), size[0] - 1), min(int(y * scale), size[1] - 1)) for x, y in some]
            for some in (points, excluded)
        )
        return cls(small, scale, here, away)

    def scaled(self, box: Box) -> Box:
        """A box of the whole picture, here; at least one pixel."""
        height, width = self.pixels.shape[:2]
        left, top, right, bottom = (round(value * self.scale) for value in box)
        left, top = min(left, width - 1), min(top, height - 1)
        return left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height)

    def unscaled(self, box: Box) -> Box:
        """A box here, of the whole picture."""
        left, top, right, bottom = (round(value / self.scale) for value in box)
        return left, top, right, bottom

    def clearest_box(self) -> Box:
        """Of boxes around the points the one in which the thing has the clearest outline."""
        import cv2

        height, width = self.pixels.shape[:2]
        grey = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2Lab).astype(np.float32)
        slopes = sum(cv2.Sobel(grey, cv2.CV_32F, *axes) ** 2 for axes in ((1, 0), (0, 1)))
        steep = np.sqrt(np.asarray(slopes).sum(axis=2))
        columns, rows = [x for x, _ in self.points], [y for _, y in self.points]
        boxes = []
        for share in REACHES:
            reach = max(2, round(share * max(width, height)))
            left, top = max(min(columns) - reach, 0), max(min(rows) - reach, 0)
            boxes.append((left, top, min(max(columns) + reach, width), min(max(rows) + reach, height)))
        return max(boxes, key=lambda box: _clearness(self.cut(box, SKETCH_ROUNDS), steep, box))

    def cut(self, box: Box, rounds: int) -> np.ndarray:
        """The thing, bool [h, w], by so many rounds; only what was pointed at, if anything was."""
        import cv2

        left, top, right, bottom = box
        guess = np.full(self.pixels.shape[:2], BACKGROUND, np.uint8)
        guess[top:bottom, left:right] = MAYBE_THING
        radius = max(1, round(POINT * max(guess.shape)))
        for some, sure in ((self.excluded, BACKGROUND), (self.points, THING)):
            for point in some:
                cv2.circle(guess, point, radius, sure, -1)
        things = np.isin(guess, (THING, MAYBE_THING))
        if not things.any():
            return things
        if things.all():  # without any background there is nothing to cut from: the border is
            guess[[0, -1]] = guess[:, [0, -1]] = MAYBE_BACKGROUND
        if np.isin(guess, (THING, MAYBE_THING)).any():
            cv2.setRNGSeed(0)  # the same question has the same answer
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(self.pixels, guess, None, *models, rounds, cv2.GC_INIT_WITH_MASK)
        found = np.isin(guess, (THING, MAYBE_THING))
        return _touching(found, self.points) if self.points else found


def _clearness(thing: np.ndarray, steep: np.ndarray, box: Box) -> float:
    """How steep the picture is along a thing's outline, less where its box cuts it off; 0 for nothing."""
    import cv2

    outline = thing & (cv2.erode(thing.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
    if not outline.any():
        return 0.0
    left, top, right, bottom = box
    frame = np.ones(thing.shape, bool)
    frame[top + 1 : bottom - 1, left + 1 : right - 1] = False
    return float(np.where(frame, 0, steep)[outline].mean())


def _touching(found: np.ndarray, points: Sequence[Point]) -> np.ndarray:
    """Only the parts that were pointed at."""
    import cv2

    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    wanted = {int(parts[y, x]) for x, y in points} - {0}
    return np.isin(parts, list(wanted))


def register(ext: Extension) -> None:
    """Add the selector of this file."""
    ext.selector(grab_cut, label="Object")
