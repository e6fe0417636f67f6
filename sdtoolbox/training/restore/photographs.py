"""The photographs that restorers are judged on: those that come with scikit-image, which no training has seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from skimage import data

SIDE = 256
Photograph = NDArray[np.uint8]
"""(SIDE, SIDE, 3), RGB."""

NAMES: Final = (
    "astronaut",
    "chelsea",
    "coffee",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
    "stereo_motorcycle",
)
"""All colour photographs in scikit-image's package; they need no download. The first of the stereo pair."""


def photographs() -> dict[str, Photograph]:
    """The middle SIDE x SIDE pixels of each, at the files' own size."""
    return {name: _middle(_loaded(name)) for name in NAMES}


def _loaded(name: str) -> NDArray[np.uint8]:
    loaded = getattr(data, name)()
    return np.asarray(loaded[0] if isinstance(loaded, tuple) else loaded, np.uint8)


def _middle(picture: NDArray[np.uint8]) -> Photograph:
    """At their own size: a reduced photograph would be sharper than any camera's."""
    top, left = (picture.shape[0] - SIDE) // 2, (picture.shape[1] - SIDE) // 2
    return np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE, :3])
