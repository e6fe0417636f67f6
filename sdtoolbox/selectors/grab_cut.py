"""A thing cut out of its background by the colours of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np

from sdtoolbox.schema.options import Limits
from sdtoolbox.selectors.flood import flood

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension
    from sdtoolbox.images.raster import Box

Rounds = Annotated[int, Limits(1, 20)]
Point = tuple[int, int]
WORKING_SIDE = 512
"""Longest side of the picture that is looked at: a second of work."""
POINT = 0.01
"""Radius of what a point says for sure, of the longest side."""


def grab_cut(
    pixels: np.ndarray,
    points: Sequence[Point],
    box: Box | None,
    *,
    excluded: Sequence[Point] = (),
    rounds: Rounds = 5,
) -> np.ndarray:
    """The thing in the box, or at the points, cut out by GrabCut (Rother et al. 2004).

    `excluded` points are background for sure. Without a box it starts from what is of the points' colours.
    """
    import cv2

    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    here, away = ([_scaled(point, scale, size) for point in some] for some in (points, excluded))
    guess = _guess(small, here, None if box is None else _scaled_box(box, scale, size))
    radius = max(1, round(POINT * max(size)))
    for some, sure in ((away, cv2.GC_BGD), (here, cv2.GC_FGD)):
        for point in some:
            cv2.circle(guess, point, radius, sure, -1)
    if not (np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).any() and np.isin(guess, (cv2.GC_BGD, cv2.GC_PR_BGD)).any()):
        return np.zeros((height, width), np.float32)
    cv2.setRNGSeed(0)  # the same question has the same answer
    cv2.grabCut(small, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
    found = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    if here:
        found = _touching(found, here)
    large = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    thing: np.ndarray = (large >= 0.5).astype(np.float32)
    return thing


def _guess(small: np.ndarray, points: Sequence[Point], box: Box | None) -> np.ndarray:
    """What each pixel is before the first round: OpenCV's GC_BGD, GC_FGD, GC_PR_BGD or GC_PR_FGD."""
    import cv2

    height, width = small.shape[:2]
    if box is not None:
        left, top, right, bottom = box
        guess = np.full((height, width), cv2.GC_BGD, np.uint8)
        guess[top:bottom, left:right] = cv2.GC_PR_FGD
        return guess
    like = flood(small, points, None) > 0
    return np.where(like, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)


def _touching(found: np.ndarray, points: Sequence[Point]) -> np.ndarray:
    """Only the parts that were pointed at."""
    import cv2

    _, parts = cv2.connectedComponents(found)
    wanted = {parts[y, x] for x, y in points} - {0}
    return np.isin(parts, list(wanted)).astype(np.uint8)


def _scaled(point: Point, scale: float, size: tuple[int, int]) -> Point:
    x, y = (min(int(value * scale), side - 1) for value, side in zip(point, size, strict=True))
    return x, y


def _scaled_box(box: Box, scale: float, size: tuple[int, int]) -> Box:
    left, top, right, bottom = (round(value * scale) for value in box)
    return left, top, min(max(right, left + 1), size[0]), min(max(bottom, top + 1), size[1])


def register(ext: Extension) -> None:
    """Add the selector of this file."""
    ext.selector(grab_cut, label="Object")
