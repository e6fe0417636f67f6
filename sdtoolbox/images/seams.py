"""Where a painting meets the picture: its colours are made to match, and what one sees of the edge is measured."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdtoolbox.images.filling import spread
from sdtoolbox.images.masks import box_of, distance, padded
from sdtoolbox.protocols import Mask

RING = 24
"""Pixels around the mask in which painting and picture are compared."""
SMALL = 96
"""Longest side of the field of corrections: only what is broader than a few of its places is a matter of colour."""
OUTLIERS = 3.0
CLOSE = 2 / 255
"""Differences of this size are rounding and noise."""
STEPS = (1.0, 8.0)
"""Pixels to each side over which colours are compared: a hard edge, and one that is faded over a mask's blur."""
CELL = 12
"""Pixels of contour over which differences are averaged, sign and all: a seam is one, and texture cancels out."""
BESIDE = tuple(range(20, 53, 4))
"""Distances from the edge at which the picture's own differences are measured."""
FLOOR = 1 / 255


def match_ring(source: np.ndarray, painted: np.ndarray, mask: Mask, width: int = RING) -> np.ndarray:
    """`painted` with its colours moved so that it agrees with `source` on a ring of `width` pixels around the mask.

    Both are RGB [H, W, 3], uint8 or floats in [0, 1]; gives float32 in [0, 1].

    What is added is a membrane through the differences on the ring, as in Poisson editing (Pérez et al. 2003), but one
    that knows only broad differences: a network's picture is off by a tint that changes slowly from place to place.
    A mean and a spread for the whole ring would leave the tint where a picture is dark on one side and bright on the
    other; the membrane through every pixel would smear what the edge cuts through into the mask. Where painting and
    picture show different things (something new sticks out of the mask), the difference does not count.
    """
    pictures = _unit(source), _unit(painted)
    ring = _ring(mask, width)
    if not ring.any():
        return pictures[1].copy()
    offset = pictures[0] - pictures[1]
    small = _shrunk(np.where(ring[..., None], offset, 0), ring.astype(np.float32))
    field = spread(*_agreeing(*small))
    large = Image.Resampling.BICUBIC
    planes = [Image.fromarray(field[..., i]).resize(mask.shape[::-1], large) for i in range(3)]
    found: np.ndarray = (pictures[1] + np.dstack([np.asarray(plane) for plane in planes])).clip(0, 1)
    return found


def _unit(pixels: np.ndarray) -> np.ndarray:
    found: np.ndarray = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    return found


def _ring(mask: Mask, width: int) -> np.ndarray:
    """[H, W] bool: what is not masked, but less than `width` pixels away."""
    inside = mask > 0
    if not inside.any():
        return inside
    ring: np.ndarray = ~inside & (distance(inside) <= width)
    return ring


def _shrunk(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means over the squares of a coarse grid, and how much of each square was counted."""
    height, width = weights.shape
    scale = min(1.0, SMALL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = [
        Image.fromarray(plane).resize(size, Image.Resampling.BOX) for plane in (*np.moveaxis(values, 2, 0), weights)
    ]
    *sums, total = (np.asarray(plane) for plane in planes)
    return np.dstack(sums) / np.maximum(total, 1e-6)[..., None], total.clip(0, 1)


def _agreeing(offset: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same without the places that are far from what most of the ring says."""
    known = weights > 0
    middle = np.median(offset[known], axis=0)
    away = np.abs(offset - middle).max(axis=2)
    usual = float(np.median(away[known])) + CLOSE
    return offset, np.where(known & (away <= OUTLIERS * usual), weights, 0).astype(np.float32)


def seam_score(picture: Image.Image | np.ndarray, mask: Mask) -> float:
    """How much a mask's edge can be seen: differences across it against those beside it; 1 is as the picture's own.

    Let n be the direction away from the mask and d_w(x) = I(x + w n) - I(x - w n), RGB in [0, 1]. A contour is all
    pixels at one distance from the edge; D_w(contour) is the mean of |d_w| over it, where d_w is first averaged over
    squares of 12 pixels. The score is

        max over w in {1, 8} of (D_w(edge) + 1/255) / (mean of D_w(contours 20 to 52 pixels away) + 1/255)

    so that a flat picture has 1, not 0/0. A mask that follows the outline of a thing scores high in the untouched
    picture too: what counts is how the score compares to that. 1 if there is no edge.
    """
    pixels = _unit(np.asarray(picture.convert("RGB") if isinstance(picture, Image.Image) else picture))
    inside = mask >= 0.5 if (mask >= 0.5).any() else mask > 0
    if inside.all() or not inside.any():
        return 1.0
    box = box_of((~inside if inside.mean() > 0.5 else inside).astype(np.float32))
    assert box is not None
    left, top, right, bottom = padded(box, BESIDE[-1] + round(STEPS[-1]), mask.shape[::-1])
    return _score(pixels[top:bottom, left:right], inside[top:bottom, left:right])


def _score(pixels: np.ndarray, inside: np.ndarray) -> float:
    import cv2

    away = np.where(inside, 0.5 - distance(~inside), distance(inside) - 0.5)  # 0 between the pixels of the edge
    smooth = cv2.GaussianBlur(away, (0, 0), 2)
    normal = np.dstack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)])
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    scores = []
    for step in STEPS:
        blurred = pixels if step < 2 else cv2.GaussianBlur(pixels, (0, 0), step / 4)
        edge = _across(blurred, normal, np.abs(away) <= 1, step)
        beside = [_across(blurred, normal, np.abs(away - side * at) <= 1, step) for at in BESIDE for side in (1, -1)]
        known = [one for one in beside if one is not None]
        if edge is not None and known:
            scores.append((edge + FLOOR) / (float(np.mean(known)) + FLOOR))
    return max(scores, default=1.0)


def _across(pixels: np.ndarray, normal: np.ndarray, band: np.ndarray, step: float) -> float | None:
    """The mean difference across a contour, None for one of which there is next to nothing."""
    import cv2

    rows, columns = np.nonzero(band)
    if len(rows) < CELL:
        return None
    places = np.stack([columns, rows], axis=1).astype(np.float32)[:, None]  # [n, 1, 2] as x, y
    ahead = normal[rows, columns][:, None].astype(np.float32) * np.float32(step)
    sides = [
        cv2.remap(pixels, places + sign * ahead, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for sign in (1, -1)
    ]
    difference = (sides[0] - sides[1])[:, 0]  # [n, 3]
    cells = (rows // CELL) * (pixels.shape[1] // CELL + 1) + columns // CELL
    _, cell = np.unique(cells, return_inverse=True)
    sums = np.stack([np.bincount(cell, difference[:, i]) for i in range(difference.shape[1])], axis=1)
    return float(np.abs(sums).sum() / difference.size)
