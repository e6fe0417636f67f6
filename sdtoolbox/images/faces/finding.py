"""Faces looked for in a whole picture, which is made small for it: where they are does not depend on fine detail."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.raster import eight_bits

SEEN = 640
"""The longest side in pixels at which pictures are looked at."""
LEAST = 24
"""The least side of a square that is restored: between eyes closer than 6 pixels there is nothing to go by."""


class Detector(Protocol):
    """Finds faces: RGB [H, W, 3] of 8 bits, `SEEN` pixels at its longest side or less -> the squares around them."""

    def __call__(self, pixels: NDArray[np.uint8]) -> list[Face]: ...


def faces_in(pixels: np.ndarray, detector: Detector) -> tuple[Face, ...]:
    """What a detector finds in a picture of any size, [H, W, 3] of 8 or 16 bits; the largest first.

    Squares of which the centre lies outside the picture, and those of fewer than `LEAST` pixels, are left out.
    """
    height, width = pixels.shape[:2]
    scale = SEEN / max(height, width)
    if scale < 1:
        import cv2

        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    else:
        scale, small = 1.0, pixels
    found = (face.scaled(1 / scale) for face in detector(np.ascontiguousarray(eight_bits(small))))
    kept = [face for face in found if face.side >= LEAST and 0 <= face.x < width and 0 <= face.y < height]
    return tuple(sorted(kept, key=lambda face: (-face.side, face.x, face.y)))
