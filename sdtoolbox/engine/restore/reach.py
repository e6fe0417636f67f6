"""How far a network looks: measured on what it makes of a picture and of a part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdtoolbox.protocols import Pixels

TOLERANCE = 1 / 2048
"""An eighth of the step between two 8-bit values: what tiles may differ by, and nobody sees."""
SEED = 20


def measured_reach(call: Callable[[Pixels], Pixels], scale: int, side: int, most: int) -> int | None:
    """Pixels around a pixel that decide about it, as far as `TOLERANCE` can tell; None if they are more than `most`.

    `call` is the network, on RGB [side + 2 most, side + 2 most, 3] and on the [side, side, 3] in the middle of it:
    where both give the same, what lies beyond the smaller one's edges did not matter. `side` is more than 2 `most`.
    """
    whole = _picture(side + 2 * most)
    part = slice(most, most + side)
    large, small = call(whole), call(np.ascontiguousarray(whole[part, part]))
    scaled = slice(most * scale, (most + side) * scale)
    differs = np.abs(large[scaled, scaled] - small).max(axis=2) > TOLERANCE
    places = np.arange(side * scale)
    depth = np.minimum(places, places[::-1])
    distance = np.minimum(depth[:, None], depth[None]) // scale
    reach = int(distance[differs].max()) + 1 if differs.any() else 0
    return reach if reach <= most else None


def _picture(side: int) -> Pixels:
    """Soft clouds, hard edges and noise, so that whatever a network reacts to is there."""
    generator = np.random.default_rng(SEED)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequencies[0, 0] = 1
    waves = np.fft.fft2(generator.standard_normal((3, side, side))) / frequencies
    clouds = np.fft.ifft2(waves).real
    clouds = (clouds - clouds.min()) / (np.ptp(clouds) or 1)
    stripes = (np.add.outer(np.arange(side), np.arange(side)) // 7 % 5 == 0) * 0.25
    noise = generator.normal(0, 0.04, (3, side, side))
    picture = (0.75 * clouds + stripes + noise).clip(0, 1).transpose(1, 2, 0)
    return np.ascontiguousarray(picture, np.float32)
