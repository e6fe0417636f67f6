"""How noisy a picture is, told from the picture alone.

Noise is in all frequencies of a small patch, what is depicted mostly in the low ones. So the patches whose low
frequencies hold least are those that depict next to nothing, and their high frequencies are the noise; since the two
are independent in white noise, choosing by the one does not bend the other (Ponomarenko et al. 2007, "An automatic
approach to lossy compression of AVIRIS images"; Colom & Buades 2013, "Analysis and Extension of the Percentile Method,
Estimating a Noise Curve from a Single Image").
"""

from __future__ import annotations

import numpy as np

from sdtoolbox.images.jpeg import SIDE, dct

MOST_PATCHES = 20_000
"""Looked at in a picture of any size, spread evenly."""
CHOSEN_SHARE = 0.02
FEWEST_CHOSEN = 60
FIRST_HIGH = 9
"""Frequencies (row plus column, 0 to 14) from here on are taken for noise, those below for what is depicted."""
ROUNDS = 3
SIGMAS_TO_WHITE = 2
FARTHEST_FROM_WHITE = 96
"""Noise is cut off at black and white: patches so many sigmas, but not more than so many levels away tell the truth."""
AT_LIMIT = 0.25
"""Patches with a larger share of their values at black or white are not looked at, as long as there are others."""
AROUND_HALF = 0.1
SHARE_ON_WHITE = 0.3
"""Chosen of those, more, since noise that is cut off is no longer independent between frequencies."""
ON_WHITE = 0.7
"""If patches half at white or black say so much less than all others, theirs is believed, which is else less exact."""
HALF_NORMAL = float(np.sqrt(0.5 - 0.5 / np.pi))
"""What is left of the standard deviation of noise around white or black itself, where half of it is cut off."""

_FREQUENCIES = np.add.outer(np.arange(SIDE), np.arange(SIDE))
_LOW = (_FREQUENCIES > 0) & (_FREQUENCIES < FIRST_HIGH)
_HIGH = _FREQUENCIES >= FIRST_HIGH


def noise_level(pixels: np.ndarray) -> float:
    """The standard deviation of the noise in a picture in 8-bit levels: 0 for drawings in flat colours, 50 is heavy.

    `pixels`: RGB [H, W, 3], uint8 or uint16, of any size; the answer is in units of 1/255 of the range for both. It is
    the root of the mean variance of the channels. At most 20,000 patches of the picture are ever copied. White noise is
    measured to a few percent; noise that was smoothed, as by scaling down or by JPEG, reads as less than it was.
    """
    red, green, blue = noise_levels(pixels)
    return float(np.sqrt((red**2 + green**2 + blue**2) / 3))


def noise_levels(pixels: np.ndarray) -> tuple[float, float, float]:
    """The same for red, green and blue each."""
    found = _patches(pixels)
    scale = 255 / np.iinfo(pixels.dtype).max
    red, green, blue = (_level(found[:, i].astype(np.float32) * scale) for i in range(3))
    return red, green, blue


def _patches(pixels: np.ndarray) -> np.ndarray:
    """[n, 3, SIDE, SIDE] of a picture, copied; one thinner than a patch is mirrored."""
    height, width = pixels.shape[:2]
    missing = (max(0, SIDE - height), max(0, SIDE - width))
    if any(missing):
        pixels = np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
        height, width = pixels.shape[:2]
    places = (height - SIDE + 1) * (width - SIDE + 1)
    stride = int(np.ceil(np.sqrt(places / MOST_PATCHES))) | 1  # odd, so that no grid in the picture meets it
    rows, columns = np.arange(0, height - SIDE + 1, stride), np.arange(0, width - SIDE + 1, stride)
    columns = columns[:: -(-len(rows) * len(columns) // MOST_PATCHES)]  # of a long strip there are still too many
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIDE, SIDE), axis=(0, 1))
    return windows[rows[:, None], columns[None]].reshape(-1, 3, SIDE, SIDE)


def _level(patches: np.ndarray) -> float:
    """Of float32 [n, SIDE, SIDE], 0 to 255."""
    at_limit = ((patches <= 0) | (patches >= 255)).mean(axis=(1, 2))
    uncut, halved = at_limit <= AT_LIMIT, abs(at_limit - 0.5) <= AROUND_HALF
    level = _uncut(patches[uncut] if uncut.sum() >= FEWEST_CHOSEN else patches)
    if halved.sum() >= 10 * FEWEST_CHOSEN:
        on_white = _measured(dct(patches[halved]) ** 2, SHARE_ON_WHITE) / HALF_NORMAL
        if on_white < ON_WHITE * level:  # a white page: all that depicts nothing is there
            return on_white
    return level


def _uncut(patches: np.ndarray) -> float:
    """Of those patches that are, for the level found, far enough from black and white; in turns with that level."""
    power = dct(patches) ** 2
    brightness = patches.mean(axis=(1, 2))
    to_white = np.minimum(brightness, 255 - brightness)
    enough = min(len(patches), 10 * FEWEST_CHOSEN)
    level = 0.0
    for _ in range(ROUNDS):
        usable = np.flatnonzero(to_white >= min(SIGMAS_TO_WHITE * level, FARTHEST_FROM_WHITE))
        if len(usable) < enough:
            usable = np.argsort(-to_white, kind="stable")[:enough]
        level = _measured(power[usable], CHOSEN_SHARE)
    return level


def _measured(power: np.ndarray, share: float) -> float:
    """From the patches' squared coefficients, [n, SIDE, SIDE]."""
    depicted = power[:, _LOW].sum(axis=1)
    count = min(len(power), max(FEWEST_CHOSEN, int(len(power) * share)))
    chosen = np.argsort(depicted, kind="stable")[:count]
    return float(np.sqrt(np.median(power[chosen][:, _HIGH].mean(axis=0))))
