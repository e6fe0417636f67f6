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
COARSE_SIDE = 176
"""Longest side of the picture in which the thing is found: the work grows with the third power of it."""
FINE_SIDE = 512
"""Longest side of the picture in which its outline is followed, in a band a few pixels wide."""
BAND = 2
"""Half the width of that band, in pixels of the coarse picture."""
TRIAL_ROUNDS = 2
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
    coarse = _Scene.of(pixels, COARSE_SIDE, points, excluded)
    found = coarse.cut(coarse.clearest_box() if box is None else coarse.scaled(box), rounds)
    fine = _Scene.of(pixels, FINE_SIDE, points, excluded)
    found = fine.followed(found, BAND * fine.scale / coarse.scale)
    thing: np.ndarray = _sized(found, (pixels.shape[1], pixels.shape[0])).astype(np.float32)
    return thing


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
        return max(boxes, key=lambda box: _clearness(self.cut(box, TRIAL_ROUNDS), steep, box))

    def cut(self, box: Box, rounds: int) -> np.ndarray:
        """The thing in a box, bool [h, w]; only what was pointed at, if anything was."""
        left, top, right, bottom = box
        guess = np.full(self.pixels.shape[:2], BACKGROUND, np.uint8)
        guess[top:bottom, left:right] = MAYBE_THING
        if (guess == MAYBE_THING).all():  # there must be some background: the border is taken for it
            guess[[0, -1]] = guess[:, [0, -1]] = MAYBE_BACKGROUND
        found = self._cut(guess, rounds)
        return _touching(found, self.points) if self.points else found

    def followed(self, coarse: np.ndarray, width: float) -> np.ndarray:
        """The same thing, bool [h, w], with its outline looked for anew up to `width` pixels from where it was."""
        import cv2

        near = _sized(coarse, (self.pixels.shape[1], self.pixels.shape[0]))
        side = 2 * round(width) + 1
        square, bits = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), near.astype(np.uint8)
        guess = np.where(near, MAYBE_THING, MAYBE_BACKGROUND).astype(np.uint8)
        guess[cv2.dilate(bits, square) == 0] = BACKGROUND
        guess[cv2.erode(bits, square, borderValue=1) > 0] = THING
        return self._cut(guess, 1)

    def _cut(self, guess: np.ndarray, rounds: int) -> np.ndarray:
        """What GrabCut makes of a guess, and of what was pointed at."""
        import cv2

        radius = max(1, round(POINT * max(guess.shape)))
        for some, sure in ((self.excluded, BACKGROUND), (self.points, THING)):
            for point in some:
                cv2.circle(guess, point, radius, sure, -1)
        things = np.isin(guess, (THING, MAYBE_THING))
        if things.all() or not things.any():  # nothing to tell apart
            return things
        cv2.setRNGSeed(0)  # the same question has the same answer
        cv2.grabCut(self.pixels, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
        return np.isin(guess, (THING, MAYBE_THING))


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


def _sized(thing: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool [h, w] -> bool of this width and height."""
    import cv2

    return np.asarray(cv2.resize(thing.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)) >= 0.5


def _touching(found: np.ndarray, points: Sequence[Point]) -> np.ndarray:
    """Only the parts that were pointed at."""
    import cv2

    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    wanted = {int(parts[y, x]) for x, y in points} - {0}
    return np.isin(parts, list(wanted))


def register(ext: Extension) -> None:
    """Add the selector of this file."""
    ext.selector(grab_cut, label="Object")
