"""Where a face lies: the square around it, upright as the networks that restore faces were shown theirs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdtoolbox.images.raster import Box

FFHQ_SIDE = 512
FFHQ_POINTS = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""Where eyes, tip of the nose and corners of the mouth lie in an aligned picture of FFHQ, 512 pixels wide: the means
that the package facexlib gives. GFPGAN and RestoreFormer were trained on such pictures (FFHQ: Karras et al. 2019)."""
BOX_TO_SIDE, BOX_TO_CENTRE = 1.75, -0.1
"""The square of a box that OpenCV's LBP cascade finds: so many times as wide, its centre so many widths lower.

Measured on scikit-image's astronaut: her five points ask for a square of 165 pixels around (225, 106); the cascade's
boxes, at seven sizes and degrees of damage, have a mean width of 93 around (223, 116). Their places differ by a
thirtieth of a width, their widths by a twentieth.
"""
RIM, SMALLEST = 4, 256
"""Pixels beyond a square's edge that decide about it too, for a network that sees as many as the picture has there: as
far as a filter of third order looks, and one more; and of how many pixels the networks' squares are at least."""


@dataclass(frozen=True, slots=True)
class Face:
    """The square around a face: its centre and side in pixels, counted from the picture's upper left corner.

    `angle` says how far it is turned, in radians, clockwise.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def of_box(cls, left: float, top: float, width: float, height: float) -> Face:
        """Of a box from the eyebrows to below the mouth: what a cascade finds, which knows of no angle."""
        return cls(left + width / 2, top + height / 2 + BOX_TO_CENTRE * width, BOX_TO_SIDE * width)

    @classmethod
    def of_points(cls, points: ArrayLike) -> Face:
        """Of [5, 2]: the eyes, the nose and the corners of the mouth, in each pair the one on the picture's left first.

        The similarity that brings them closest to those of FFHQ, by least squares (Umeyama 1991), with the plane's
        points as complex numbers.
        """
        own, wanted = (np.asarray(one, float) @ (1, 1j) for one in (points, FFHQ_POINTS))
        apart = own - own.mean()
        spread = float((np.abs(apart) ** 2).sum())
        if not spread > 0:
            raise ValueError("five points in one place are no face")
        turn = complex((np.conj(apart) * (wanted - wanted.mean())).sum() / spread)
        centre = complex(own.mean() + (FFHQ_SIDE / 2 * (1 + 1j) - wanted.mean()) / turn)
        return cls(centre.real, centre.imag, FFHQ_SIDE / abs(turn), -math.atan2(turn.imag, turn.real))

    def scaled(self, factor: float) -> Face:
        """In the same picture so many times as large."""
        return replace(self, x=self.x * factor, y=self.y * factor, side=self.side * factor)

    def moved(self, right: float, down: float) -> Face:
        """So many pixels farther."""
        return replace(self, x=self.x + right, y=self.y + down)

    def matrix(self, side: int) -> NDArray[np.float64]:
        """[2, 3] from the picture's pixels to those of the upright square of `side` pixels, as OpenCV takes it.

        OpenCV counts from the middle of the first pixel.
        """
        scale = side / self.side
        across, down = scale * math.cos(self.angle), scale * math.sin(self.angle)
        turn = np.array([[across, down], [-down, across]])
        shift = (side - 1) / 2 - turn @ (self.x - 0.5, self.y - 0.5)
        return np.column_stack([turn, shift])

    def box(self, size: tuple[int, int]) -> Box | None:
        """The part of a picture of `size` that decides about what the square shows; None if the square lies outside."""
        half = self.side / 2 * (abs(math.cos(self.angle)) + abs(math.sin(self.angle)))
        half += RIM * (1 + self.side / SMALLEST)
        left, top = max(0, math.floor(self.x - half)), max(0, math.floor(self.y - half))
        right, bottom = min(size[0], math.ceil(self.x + half)), min(size[1], math.ceil(self.y + half))
        return (left, top, right, bottom) if left < right and top < bottom else None
