"""Colours of one picture given to another."""

from __future__ import annotations

import numpy as np
from PIL import Image

LEVELS = 1024
"""How many quantiles of a channel are matched."""


def with_colours_of(picture: Image.Image, reference: Image.Image) -> Image.Image:
    """The picture, with each channel spread as in the reference: RGB of 8 bits in and out, of any two sizes.

    Histogram matching in CIE Lab, where lightness and colour do not bleed into each other; a flat reference gives a
    flat picture.
    """
    import cv2

    ours, theirs = (
        cv2.cvtColor(np.asarray(one.convert("RGB"), np.float32) / 255, cv2.COLOR_RGB2LAB)
        for one in (picture, reference)
    )
    matched = np.dstack([_matched(ours[..., i], theirs[..., i]) for i in range(3)])
    colours = cv2.cvtColor(matched.astype(np.float32), cv2.COLOR_LAB2RGB)
    return Image.fromarray(np.rint(colours.clip(0, 1) * 255).astype(np.uint8))


def _matched(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The value of the same rank in the reference for each value; equal ones stay equal."""
    flat = values.ravel()
    _, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / flat.size  # the middle rank of equal values
    shares = (np.arange(LEVELS) + 0.5) / LEVELS
    wanted = np.interp(ranks, shares, np.quantile(reference, shares))
    found: np.ndarray = wanted[inverse].reshape(values.shape)
    return found
