"""A sheet to draw on: filled outlines in picture units, in plain paint or with pencil lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from sdtoolbox.training.storybook.palette import GRAPHITE, PAPER, RGB, mix
from sdtoolbox.training.storybook.shapes import Point


class Canvas:
    """Draws in picture units: (0, 0) is the upper left corner, (1, 1) the lower right one.

    Args:
        pixels: edge of the square picture, in pixels.
        sky: colours at the top, in the middle and at the horizon (row 0.65), interpolated in between.
        paper: how much of the paper shines through every paint, 0 to 1.
        pencil: draw a graphite line around every shape.
    """

    def __init__(self, pixels: int, sky: Sequence[RGB], *, paper: float = 0.0, pencil: bool = False) -> None:
        self.pixels = pixels
        self._paper = paper
        self._pencil = pencil
        rows = np.arange(pixels) / pixels
        stops = np.array([mix(color, PAPER, paper) for color in sky])
        column = np.stack([np.interp(rows, (0.0, 0.35, 0.65), stops[:, i]) for i in range(3)], axis=1)
        gradient = np.repeat(column.astype(np.uint8)[:, None], pixels, axis=1)  # (pixels, pixels, 3)
        self.image = Image.fromarray(gradient)
        self._draw = ImageDraw.Draw(self.image)

    def fill(self, points: Sequence[Point], color: RGB, *, line: float | None = None, pressed: bool = False) -> None:
        """Fills an outline.

        Args:
            points: the outline, in picture units.
            color: the paint, before paper shines through it.
            line: the pencil's width in picture units (None: 0.009; 0: no line).
            pressed: paint laid on so firmly that only a third of the paper shines through.
        """
        paper = self._paper / 3 if pressed else self._paper
        scale = self.pixels
        flat = [(x * scale, y * scale) for x, y in points]
        self._draw.polygon(flat, fill=mix(color, PAPER, paper) if paper else color)
        if self._pencil and line != 0:
            width = round((line or 0.009) * scale)
            self._draw.line([*flat, flat[0], flat[1]], fill=GRAPHITE, width=width)

    def border(self, points: Sequence[Point], color: RGB, width: float) -> None:
        """Draws along an outline, `width` picture units wide, half of it outside."""
        scale = self.pixels
        flat = [(x * scale, y * scale) for x, y in points]
        self._draw.line([*flat, flat[0], flat[1]], fill=color, width=round(width * scale), joint="curve")
