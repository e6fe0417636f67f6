"""Colours of drawn pictures: a palette a picture, and what a camera makes of the light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Palette:
    """A few colours that a picture's leaves vary, in 8-bit RGB units."""

    colours: NDArray[np.float32]
    spread: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Palette:
        """Two to ten colours around one or two hues, mostly muted, from dark to light."""
        count = int(rng.integers(2, 11))
        hues = rng.choice(rng.uniform(0.0, 360.0, rng.integers(1, 4)), count) + rng.normal(0.0, 20.0, count)
        saturation = rng.beta(1.1, 1.1 + 3.0 * rng.random(), count) * (0.0 if rng.random() < 0.08 else 1.0)
        value = rng.beta(1.2, 1.2, count)
        hsv = np.stack([hues % 360.0, saturation, value], 1).astype(np.float32)[None]
        return cls(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * 255.0, float(rng.uniform(4.0, 24.0)))

    def colour(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """A leaf's colour (3,): one of the palette, lighter or darker, its channels varied a little."""
        chosen = self.colours[rng.integers(len(self.colours))]
        varied = chosen + rng.normal(0.0, self.spread) + rng.normal(0.0, 0.3 * self.spread, 3)
        return np.asarray(np.clip(varied, 0.0, 255.0), np.float32)


def develop(light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A finished picture of `light` (h, w, 3), 0 to 255 and beyond: shaded, exposed, clipped, in 8 bits."""
    height, width = light.shape[:2]
    if rng.random() < 0.4:  # light falls from one side
        corners = np.exp(rng.normal(0.0, 0.35, (2, 2))).astype(np.float32)
        light = light * cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    contrast, shift = np.exp(rng.normal(-0.05, 0.15)), rng.normal(0.0, 12.0)
    exposed = np.clip((light - 127.5) * contrast + 127.5 + shift, 0.0, 255.0) / 255.0
    return np.asarray(np.rint(255.0 * exposed ** np.exp(rng.normal(0.0, 0.3))), np.uint8)
