"""Where a painting meets the picture: its colours are made to match, and what one sees of the edge is measured."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdtoolbox.images.filling import spread
from sdtoolbox.images.masks import box_of, distance, padded
from sdtoolbox.protocols import Mask

RING = 24
"""Pixels around the mask in which painting and picture are compared."""
COARSE = 8
"""Pixels along a place of the field of corrections: what is smaller is drawing, not tint."""
ROUNDS = 8
OUTLIERS = 2.5
CLOSE = 2 / 255
"""Differences of this size are rounding and noise."""
STEPS = (1.0, 8.0)
"""Pixels to each side over which colours are compared: a hard edge, and one that is faded over a mask's blur."""
CELL = 12
"""Pixels along a side of the squares in which differences are averaged."""
BESIDE = tuple(range(20, 53, 4))
"""Distances from the edge at which the picture's own differences are measured."""
NEAR = 24
"""Pixels: the standard deviation of what "beside" means along the edge."""
LARGEST = 10.0
"""No square counts for more: where a part of the edge lies on an outline of the picture, that alone is no seam."""
MOST_CELLS = 512
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
    means, counted = _coarse(np.where(ring[..., None], offset, 0), ring.astype(np.float32))
    field = spread(means, _agreeing(means, counted))
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


def _coarse(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means over the places of a coarse grid, and how much of each place was counted."""
    height, width = weights.shape
    size = max(1, round(width / COARSE)), max(1, round(height / COARSE))
    planes = [Image.fromarray(one).resize(size, Image.Resampling.BOX) for one in (*np.moveaxis(values, 2, 0), weights)]
    *sums, total = (np.asarray(plane) for plane in planes)
    return np.dstack(sums) / np.maximum(total, 1e-6)[..., None], total.clip(0, 1)


def _agreeing(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weights without those of differences that are far from the slope on which most of them lie.

    The slope is found by least squares, in which what is far away counts less from round to round (Cauchy's weights).
    """
    height, width = weights.shape
    rows, columns = np.mgrid[0:height, 0:width]
    basis = np.stack([np.ones_like(rows), rows / height, columns / width], axis=-1).reshape(-1, 3).astype(np.float32)
    values, known = means.reshape(-1, 3), weights.ravel()
    counted, away = known, np.zeros_like(known)
    for _ in range(ROUNDS):
        root = np.sqrt(counted)[:, None]
        slope = basis @ np.linalg.lstsq(basis * root, values * root, rcond=1e-3)[0]
        away = np.abs(values - slope).max(axis=1)
        usual = float(np.median(away[known > 0])) + CLOSE
        counted = known / (1 + (away / usual) ** 2)
    return np.where(away <= OUTLIERS * usual, known, 0).reshape(weights.shape).astype(np.float32)


def seam_score(picture: Image.Image | np.ndarray, mask: Mask) -> float:
    """How much a mask's edge can be seen: differences across it against those beside it; 1 is as the picture's own.

    Let n be the direction away from the mask and d_w(x) = I(x + w n) - I(x - w n), RGB in [0, 1]. A contour is all
    pixels at one distance from the edge; e_w of a square of 12 pixels is |d_w|, averaged over its part of a contour
    with its sign: texture cancels out, a step does not. The score is the larger one, for w = 1 and w = 8, of

        exp(mean over squares of the edge of (log(e_w + 1/255) - log(e_w + 1/255) beside))

    where "beside" is the mean over squares of the contours 20 to 52 pixels away, the nearer the more (Gaussian, 24
    pixels); no square counts for more than 10. So each piece of the edge is compared with its own neighbourhood, a step
    in a plain sky counts although the picture has stronger lines elsewhere, and a flat picture has 1, not 0/0.

    A mask that follows the outline of a thing scores high in the untouched picture too: compare with that. 1 if there
    is no edge.
    """
    pixels = _unit(np.asarray(picture.convert("RGB") if isinstance(picture, Image.Image) else picture))
    inside = mask >= 0.5 if (mask >= 0.5).any() else mask > 0
    if inside.all() or not inside.any():
        return 1.0
    box = box_of((~inside if inside.mean() > 0.5 else inside).astype(np.float32))
    assert box is not None
    left, top, right, bottom = padded(box, BESIDE[-1] + round(STEPS[-1]), (mask.shape[1], mask.shape[0]))
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
        others = np.concatenate(beside)
        if len(edge) and len(others):
            scores.append(_compared(_thinned(edge, MOST_CELLS), _thinned(others, 16 * MOST_CELLS)))
    return max(scores, default=1.0)


def _across(pixels: np.ndarray, normal: np.ndarray, band: np.ndarray, step: float) -> np.ndarray:
    """The differences across a contour: [n, 3], for each square of it row, column and log(e + floor)."""
    import cv2

    rows, columns = np.nonzero(band)
    if not len(rows):
        return np.empty((0, 3))
    places = np.stack([columns, rows], axis=1).astype(np.float32)[:, None]  # [n, 1, 2] as x, y
    ahead = normal[rows, columns][:, None].astype(np.float32) * np.float32(step)
    ends = [
        cv2.remap(pixels, places + sign * ahead, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for sign in (1, -1)
    ]
    squares = (rows // CELL) * (pixels.shape[1] // CELL + 1) + columns // CELL
    _, square, counts = np.unique(squares, return_inverse=True, return_counts=True)
    across, channels = (ends[0] - ends[1])[:, 0], range(pixels.shape[2])
    sums = [np.bincount(square, weights=values) for values in (rows, columns, *(across[:, i] for i in channels))]
    row, column, *means = (values / counts for values in sums)
    found = np.stack([row, column, np.log(np.abs(means).mean(axis=0) + FLOOR)], axis=1)
    return found[counts >= CELL // 3]


def _thinned(squares: np.ndarray, most: int) -> np.ndarray:
    return squares[:: 1 + len(squares) // most]


def _compared(edge: np.ndarray, beside: np.ndarray) -> float:
    apart = ((edge[:, None, :2] - beside[None, :, :2]) ** 2).sum(axis=2)
    apart -= apart.min(axis=1, keepdims=True)  # of one that has no neighbours the nearest counts
    weights = np.exp(-apart / (2 * NEAR**2))
    usual = (weights @ beside[:, 2]) / weights.sum(axis=1)
    return float(np.exp(np.minimum(edge[:, 2] - usual, np.log(LARGEST)).mean()))
