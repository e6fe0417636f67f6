"""Fields that give the surfaces of leaves their texture: noise, fractal noise, waves, stripes and checks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 512
Field = NDArray[np.float32]
"""(SIZE, SIZE), of mean 0 and standard deviation 1."""

Maker = Callable[[np.random.Generator], Field]


def bank(rng: np.random.Generator, count: int) -> list[Field]:
    """`count` fields, of all kinds."""
    makers: tuple[Maker, ...] = (_fractal, _grain, _waves, _stripes, _checks)
    return [makers[kind](rng) for kind in rng.choice(len(makers), count, p=(0.4, 0.2, 0.15, 0.15, 0.1))]


def _fractal(rng: np.random.Generator) -> Field:
    """Noise whose amplitude falls as 1 / f^a, a in 0.6 to 2.2: 1 is that of photographs; stretched in one direction."""
    rows, columns = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None, :]
    stretch = np.exp(rng.normal(0.0, 0.6))
    frequency = np.hypot(rows * stretch, columns / stretch)
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((SIZE, SIZE), dtype=np.float32)) / frequency ** rng.uniform(0.6, 2.2)
    spectrum[0, 0] = 0.0
    return _normal(np.fft.irfft2(spectrum, (SIZE, SIZE)))


def _grain(rng: np.random.Generator) -> Field:
    noise = rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    along, across = np.exp(rng.uniform(np.log(0.6), np.log(6.0), 2))
    return _normal(cv2.GaussianBlur(noise, (0, 0), along, sigmaY=across, borderType=cv2.BORDER_REFLECT))


def _phase(rng: np.random.Generator) -> Field:
    """Phase of waves 5 to 60 pixels long, bent here and there."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    angle, length = rng.uniform(0.0, np.pi), np.exp(rng.uniform(np.log(5.0), np.log(60.0)))
    phase = (rows * np.sin(angle) + columns * np.cos(angle)) * (2.0 * np.pi / length)
    bend = cv2.resize(rng.standard_normal((8, 8), dtype=np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(phase + bend * rng.choice((0.0, 1.0, 4.0)), np.float32)


def _waves(rng: np.random.Generator) -> Field:
    return _normal(np.sin(_phase(rng)))


def _stripes(rng: np.random.Generator) -> Field:
    """Waves made steep: soft or hard edges, bright bands wide or narrow."""
    return _normal(np.tanh((np.sin(_phase(rng)) + rng.uniform(-0.7, 0.7)) * rng.uniform(2.0, 12.0)))


def _checks(rng: np.random.Generator) -> Field:
    steep = rng.uniform(2.0, 12.0)
    return _normal(np.tanh(np.sin(_phase(rng)) * steep) * np.tanh(np.sin(_phase(rng)) * steep))


def _normal(field: NDArray[np.floating]) -> Field:
    centred = field - field.mean()
    return np.asarray(centred / (centred.std() + 1e-6), np.float32)
