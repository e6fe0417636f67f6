"""How strongly a picture was compressed as JPEG: from its file, or from what that left in its pixels.

JPEG rounds the cosine transform of each block of 8x8 pixels to multiples of a step a frequency. In a picture that was
compressed the coefficients still lie near such multiples, whatever the file's format now is, and the steps can be read
off them (Fan & de Queiroz 2003, "Identification of bitmap compression history: JPEG detection and quantizer
estimation"). Scaling or turning the picture blurs these traces until there are none.
"""

from __future__ import annotations

import numpy as np

from sdtoolbox.errors import UserError
from sdtoolbox.images.opening import opened

SIDE = 8
STANDARD = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Steps of luma at quality 50, by row and column (ITU-T T.81, table K.1), which the IJG's scale of qualities scales."""
MOST_BLOCKS = 8_000
"""Looked at in a picture of any size, spread evenly."""
LOOKED_AT = [row * SIDE + column for row in range(SIDE) for column in range(SIDE) if 1 <= row + column <= 4]
"""Frequencies whose steps are sought, counted along the rows: those that are seldom rounded to 0."""
LARGEST_STEP = 120
FEWEST_VALUES = 24
"""Coefficients of a frequency that must not be 0 for its step to be sought."""
NEAR_MULTIPLES = 0.55
"""How near they must lie to multiples of it: 1 is exactly there, 0 is anywhere."""
FEWEST_STEPS = 4
SPREAD = 1.7
"""The steps of a table differ from the standard's by one factor, times or divided by so much at most, as a rule."""
GOOD = 92
"""From this quality on a picture counts as not compressed: nobody sees a difference."""

_BASIS = np.sqrt(2 / SIDE) * np.cos(np.pi * np.outer(np.arange(SIDE), 2 * np.arange(SIDE) + 1) / (2 * SIDE))
_BASIS[0] /= np.sqrt(2)


def dct(blocks: np.ndarray) -> np.ndarray:
    """float32 [n, SIDE, SIDE] -> its orthonormal cosine transform, float32 [n, SIDE, SIDE]."""
    basis = _BASIS.astype(np.float32)
    found: np.ndarray = basis @ blocks @ basis.T
    return found


def quality_of_file(data: bytes) -> int | None:
    """The quality, 1 to 100 on the IJG's scale, of a JPEG file whose table of luma fits best; None for other files.

    `data`: the whole file, or as much of its beginning as holds the tables.
    """
    try:
        tables = getattr(opened(data, ("JPEG",)), "quantization", {})
    except UserError:
        return None
    if not tables:
        return None
    steps = np.reshape(tables[min(tables)], (SIDE, SIDE))
    return _nearest(steps.ravel(), np.arange(SIDE * SIDE))


def table(quality: int) -> np.ndarray:
    """The IJG's steps of luma for a quality from 1 to 100, [SIDE, SIDE]."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    found: np.ndarray = ((STANDARD * percent + 50) // 100).clip(1, 255)
    return found


def _nearest(steps: np.ndarray, places: np.ndarray) -> int:
    """The quality whose table has the steps most like these, at these places counted along the rows.

    Of several as good a multiple of 5, since people choose these, or else the best.
    """
    qualities = sorted(range(1, 101), key=lambda quality: (quality % 5 > 0, -quality))
    differences = {q: float(np.abs(np.log(np.maximum(steps, 1) / table(q).ravel()[places])).sum()) for q in qualities}
    return min(differences, key=lambda quality: differences[quality])


def quality_of_pixels(pixels: np.ndarray) -> int | None:
    """The quality at which a picture was compressed last, 1 to 91; None if nothing tells of JPEG, or it was better.

    `pixels`: RGB [H, W, 3], uint8 or uint16, at the size it was compressed at. If it was cropped
    since, the blocks are found below a quality of about 85.
    """
    if min(pixels.shape[:2]) < 2 * SIDE:
        return None
    for top, left in dict.fromkeys([(0, 0), _grid(pixels)]):
        found = _quality(_coefficients(pixels[top:, left:]))
        if found is not None:
            return found if found < GOOD else None
    return None


def _quality(coefficients: np.ndarray) -> int | None:
    """From [n, SIDE, SIDE]: the steps found, and the table they are of."""
    found = {place: _step(coefficients[:, place // SIDE, place % SIDE]) for place in LOOKED_AT}
    places = np.array([place for place, step in found.items() if step], int)
    if len(places) < FEWEST_STEPS:
        return None
    steps = np.array([found[place] for place in places])
    ratios = np.log(steps / STANDARD.ravel()[places])
    fitting = abs(ratios - np.median(ratios)) <= np.log(SPREAD)
    if fitting.sum() < max(FEWEST_STEPS, 0.6 * len(places)):
        return None
    return _nearest(steps[fitting], places[fitting])


def _step(values: np.ndarray) -> int:
    """The step, 2 or more, of which most of these that are not 0 are nearly multiples; 0 if there is none.

    The measure is the mean of cos(2 pi value / step). Divisors of the step do nearly as well, but never better: what
    was added since, as by rounding to whole levels, counts for more there.
    """
    best, found = NEAR_MULTIPLES, 0
    for step in range(2, LARGEST_STEP + 1):
        large = values[abs(values) > step / 2]
        if len(large) < FEWEST_VALUES:
            break
        near = float(np.cos(large * (2 * np.pi / step)).mean())
        if near > best:
            best, found = near, step
    return found


def _coefficients(pixels: np.ndarray) -> np.ndarray:
    """Of luma, float32 [n, SIDE, SIDE], of blocks of which nothing was cut off at black or white."""
    height, width = (length // SIDE for length in pixels.shape[:2])
    blocks = pixels[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE, 3).swapaxes(1, 2)
    stride = int(np.ceil(np.sqrt(height * width / MOST_BLOCKS)))
    some = blocks[::stride, ::stride].reshape(-1, SIDE, SIDE, 3)
    whole = (some.min(axis=(1, 2, 3)) > 0) & (some.max(axis=(1, 2, 3)) < np.iinfo(pixels.dtype).max)
    return dct(_luma(some[whole]))


def _luma(pixels: np.ndarray) -> np.ndarray:
    """JPEG's, in 8-bit levels: [..., 3] -> float32 [...]."""
    weights = np.array([0.299, 0.587, 0.114], np.float32) * np.float32(255 / np.iinfo(pixels.dtype).max)
    found: np.ndarray = pixels.astype(np.float32) @ weights
    return found


def _grid(pixels: np.ndarray) -> tuple[int, int]:
    """The row and column, 0 to 7, at which the first whole block begins in a picture that was cropped."""
    rows, columns = pixels.shape[:2]
    lines = _luma(pixels[:: max(1, rows // 64)])
    across = _luma(pixels[:, :: max(1, columns // 64)])
    return _phase(across.T), _phase(lines)


def _phase(lines: np.ndarray) -> int:
    """Where in [n, length], modulo 8, values leap most that run evenly on both sides."""
    leaps = np.abs(3 * (lines[:, 2:-1] - lines[:, 1:-2]) - (lines[:, 3:] - lines[:, :-3])).mean(axis=0)
    whole = len(leaps) // SIDE * SIDE
    return (int(leaps[:whole].reshape(-1, SIDE).mean(axis=0).argmax()) + 2) % SIDE
