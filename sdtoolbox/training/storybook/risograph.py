"""A style that the storybook does not know: a print in four inks, made of a finished picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sdtoolbox.training.storybook import world
from sdtoolbox.training.storybook.world import Scene

INKS = ((48, 22, 88), (204, 48, 96), (250, 142, 88), (255, 238, 196))
"""Plum, raspberry, apricot and cream: from the darkest to the lightest part of a picture."""

_DETAIL = 2  # drawn so much larger, so that the borders between inks are smooth
_SEEN = (0.45, 0.40, 0.15)  # how much of red, green and blue counts: skies come out darker than what stands before them
_DARKEST, _RANGE = 0.14, 0.72  # of that light in the drawn world
_STEEPNESS = 8.0  # of the step from one ink to the next
_OUTLINE_FROM, _OUTLINE_GAIN, _OUTLINE_DEPTH = 0.5, 1.2, 0.75


def draw(scene: Scene, seed: int, size: int) -> Image.Image:
    """The scene as a print, RGB of `size` x `size` pixels, made of flat colours whatever style it states."""
    return printed(world.draw(replace(scene, style="flat"), seed, size * _DETAIL)).reduce(_DETAIL)


def printed(picture: Image.Image) -> Image.Image:
    """An RGB picture in the four inks, its outlines darker."""
    blurred = picture.filter(ImageFilter.GaussianBlur(picture.width / 250))
    smooth = (np.asarray(blurred, dtype=np.float32) / 255).astype(np.float32)
    light = smooth @ np.array(_SEEN, dtype=np.float32)  # (H, W)
    level = np.clip((light - _DARKEST) / _RANGE, 0, 1) * (len(INKS) - 1)
    step = np.floor(level) + np.clip((level - np.floor(level) - 0.5) * _STEEPNESS + 0.5, 0, 1)
    step = step * (1 - _OUTLINE_DEPTH * _outlines(smooth))
    inks = np.array(INKS, dtype=np.float32)
    channels = [np.interp(step, range(len(INKS)), inks[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def _outlines(smooth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where colours meet (H, W), 0 to 1."""
    change = sum(np.abs(np.roll(smooth, -2, axis) - np.roll(smooth, 2, axis)).sum(2) for axis in (0, 1))
    found: NDArray[np.float32] = np.clip((change - _OUTLINE_FROM) * _OUTLINE_GAIN, 0, 1)
    return found


def share_in_inks(picture: Image.Image, distance: float = 48.0) -> float:
    """Share of a picture's pixels whose colour is nearer than `distance` (in RGB, 0 to 255) to the inks' own line.

    The line goes straight from ink to ink: where two inks meet, a soft border mixes them.
    """
    inks = np.array(INKS, dtype=np.float32)
    pixels = np.asarray(picture, dtype=np.float32).reshape(-1, 3)
    nearest = np.full(len(pixels), np.inf, dtype=np.float32)
    for start, end in pairwise(inks):
        along = end - start
        place = np.clip((pixels - start) @ along / (along @ along), 0, 1)[:, None]
        nearest = np.minimum(nearest, np.linalg.norm(pixels - (start + place * along), axis=1))
    return float((nearest < distance).mean())
