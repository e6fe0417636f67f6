"""Dead leaves: pictures of shapes that hide one another, with the statistics of photographs and no photograph in them.

Sizes follow the density 1 / r^3 between two limits, which makes the picture look alike at all scales (Lee, Mumford and
Huang, "Occlusion models for natural images", IJCV 2001). That textures, gradients and depth of field let networks
trained on such pictures alone restore photographs is shown by VibrantLeaves (arXiv 2504.10201). No colours or textures
were measured on pictures: all are drawn from the laws below.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sdtoolbox.training.restore import colours, textures

SIZE = 512
"""Side of a finished picture; it is drawn at twice the size, which smooths its edges."""

_DRAWN = 2 * SIZE
_SHIFT = 4  # binary digits after the point in coordinates of polygons
_TEXTURED_FROM = 8.0  # smaller radii, in drawn pixels, are filled evenly
_FIELDS = 10
_BACKGROUND = 40
Picture = NDArray[np.uint8]
"""(SIZE, SIZE, 3), RGB."""


@dataclass(frozen=True)
class Law:
    """What a whole picture has in common; lengths in drawn pixels."""

    smallest: float
    largest: float
    coverings: float  # area of all leaves over that of the picture
    texture: float  # how strong textures are, in grey levels
    layers: int  # depths; the scene behind each is out of focus
    focus: float  # largest standard deviation of that blur

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Law:
        smallest = float(np.exp(rng.uniform(np.log(2.5), np.log(28.0))))
        return cls(
            smallest,
            largest=float(np.exp(rng.uniform(np.log(160.0), np.log(700.0)))),
            coverings=float(rng.uniform(1.0, 2.2)),
            texture=float(rng.uniform(4.0, 32.0)),
            layers=int(rng.choice((1, 2, 3), p=(0.4, 0.35, 0.25))),
            focus=float(np.exp(rng.uniform(np.log(0.8), np.log(9.0)))),
        )

    def radii(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Radii with density 1 / r^3, enough to cover the picture `coverings` times."""
        mean_square = 2.0 * self.smallest**2 * np.log(self.largest / self.smallest)
        count = min(7000, int(self.coverings * _DRAWN**2 / (np.pi * mean_square)))
        below = rng.random(max(1, count)) * (1.0 - (self.smallest / self.largest) ** 2)
        return np.asarray(self.smallest / np.sqrt(1.0 - below))


def draw(seed: int, number: int) -> Picture:
    """Picture `number` of the endless series `seed`: the same numbers give the same picture."""
    rng = np.random.default_rng((seed, number))
    law, palette = Law.draw(rng), colours.Palette.draw(rng)
    canvas = np.empty((_DRAWN, _DRAWN, 3), np.float32)
    canvas[:] = palette.colour(rng)
    fields = textures.bank(rng, _FIELDS)
    _paint(canvas, rng.uniform(80.0, 500.0, _BACKGROUND), palette, fields, law, rng)
    for leaves in np.array_split(law.radii(rng), law.layers):
        if law.layers > 1:
            cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, law.focus), dst=canvas)
        _paint(canvas, leaves, palette, fields, law, rng)
        if rng.random() < 0.5:
            _scribble(canvas, palette, rng)
    if rng.random() < 0.5:
        cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 2.2), dst=canvas)
    small = cv2.resize(canvas, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return colours.develop(small, rng)


def _paint(
    canvas: NDArray[np.float32],
    radii: NDArray[np.float64],
    palette: colours.Palette,
    fields: list[textures.Field],
    law: Law,
    rng: np.random.Generator,
) -> None:
    centres = rng.uniform(0.0, _DRAWN, (len(radii), 2))
    for radius, centre in zip(radii, centres, strict=True):
        outline = centre + _outline(radius, rng)
        colour = palette.colour(rng)
        if radius < _TEXTURED_FROM:
            cv2.fillPoly(canvas, [_fixed(outline)], colour.tolist(), cv2.LINE_8, _SHIFT)
            continue
        low = np.clip(np.floor(outline.min(0)).astype(int) - 1, 0, _DRAWN)
        high = np.clip(np.ceil(outline.max(0)).astype(int) + 2, 0, _DRAWN)
        if (high - low).min() <= 0:
            continue
        width, height = (high - low).tolist()
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [_fixed(outline - low)], 1, cv2.LINE_8, _SHIFT)
        surface = _surface(height, width, colour, palette, fields, law, rng)
        window = canvas[low[1] : high[1], low[0] : high[0]]
        cv2.copyTo(surface, mask, window)


def _outline(radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Corners (n, 2) of an ellipse, a rectangle, a polygon or a blob around 0."""
    kind = rng.random()
    if kind < 0.35:
        angles = np.linspace(0.0, 2.0 * np.pi, 8 if radius < 4.0 else 16 if radius < 40.0 else 64, endpoint=False)
        lengths = np.full(len(angles), radius)
    elif kind < 0.55:
        half = rng.uniform(0.3, 1.2)
        angles = np.array([half, np.pi - half, np.pi + half, 2.0 * np.pi - half])
        lengths = np.full(4, radius * 1.2)
    elif kind < 0.8:
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, rng.integers(3, 10)))
        lengths = radius * rng.uniform(0.6, 1.5, len(angles))
    else:
        angles = np.linspace(0.0, 2.0 * np.pi, 12 if radius < 20.0 else 48, endpoint=False)
        waves = np.arange(2, 6)
        amplitudes = rng.normal(0.0, 0.35, 4) / waves
        lengths = radius * (1.0 + (amplitudes * np.cos(np.outer(angles, waves) + rng.uniform(0, 6.3, 4))).sum(1))
    stretch, turn = np.exp(rng.normal(0.0, 0.45)), rng.uniform(0.0, 2.0 * np.pi)
    x, y = lengths * np.cos(angles) * stretch, lengths * np.sin(angles) / stretch
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)


def _fixed(outline: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.rint(outline * 2**_SHIFT), np.int32)


def _surface(
    height: int,
    width: int,
    colour: NDArray[np.float32],
    palette: colours.Palette,
    fields: list[textures.Field],
    law: Law,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """A leaf's colours (height, width, 3): even, or with a gradient, a texture, or both."""
    surface = np.empty((height, width, 3), np.float32)
    surface[:] = colour
    if rng.random() < 0.6:
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
        change = rng.normal(0.0, 30.0) + (palette.colour(rng) - colour) * np.float32(rng.uniform(0.0, 0.8))
        surface += (y[:, None] + x)[..., None] * np.asarray(change, np.float32)
    if rng.random() < 0.75:
        field = fields[rng.integers(len(fields))]
        scale = max(1.0, height / textures.SIZE, width / textures.SIZE)
        rows, columns = int(height / scale), int(width / scale)
        top, left = rng.integers(textures.SIZE - rows + 1), rng.integers(textures.SIZE - columns + 1)
        crop = cv2.resize(field[top : top + rows, left : left + columns], (width, height))
        strength = law.texture * rng.exponential(0.7) * (1.0 + rng.normal(0.0, 0.25, 3))
        surface += crop[..., None] * np.asarray(strength, np.float32)
    return surface


def _scribble(canvas: NDArray[np.float32], palette: colours.Palette, rng: np.random.Generator) -> None:
    """Thin lines, arcs and writing."""
    for _ in range(rng.integers(1, 25)):
        colour, thickness = palette.colour(rng).tolist(), int(rng.integers(1, 6))
        x, y = (int(place) for place in rng.integers(0, _DRAWN, 2))
        length = rng.uniform(20.0, 500.0)
        kind, angle = rng.random(), rng.uniform(0.0, 2.0 * np.pi)
        if kind < 0.5:
            end = (int(x + length * np.cos(angle)), int(y + length * np.sin(angle)))
            cv2.line(canvas, (x, y), end, colour, thickness, cv2.LINE_AA)
        elif kind < 0.75:
            axes = (int(length / 2), int(length * rng.uniform(0.1, 0.5)))
            cv2.ellipse(
                canvas, (x, y), axes, np.degrees(angle), 0, rng.uniform(60, 360), colour, thickness, cv2.LINE_AA
            )
        else:
            text = "".join(chr(code) for code in rng.integers(33, 123, rng.integers(3, 12)))
            mask = np.zeros(canvas.shape[:2], np.uint8)  # letters are drawn on bytes only
            cv2.putText(mask, text, (x, y), int(rng.integers(0, 8)), rng.uniform(0.5, 2.5), 1, thickness)
            canvas[mask > 0] = colour
