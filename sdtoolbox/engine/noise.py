"""All randomness of a batch: one seed, one Brownian path an image, drawn on the CPU."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdtoolbox.engine.variation import between, placed

LOWEST = -6
"""2**LOWEST is the first knot above 0, below the smallest sigma of any model."""
DEPTH = 20
"""Halvings of an octave: positions closer than a millionth of their size are one position."""

PATH, FRESH, START = 0, 1, 2
TORCH_SEEDS = 2**32
"""torch's CPU generator forgets all higher bits of a seed."""


class BrownianPath:
    """W(sigma) of one image, sigma >= 0: a Brownian motion whose values depend on seed and position only.

    W is built on knots at powers of two, each octave between them by repeated halving: the middle of an interval
    is the mean of its ends plus an independent draw of variance length / 4 (Lévy's construction; as a virtual tree
    in Li et al. 2020, "Scalable Gradients for Stochastic Differential Equations"). Every draw has a generator of its
    own, seeded by its place in the tree, so the order and the overlap of questions cannot matter.
    """

    def __init__(self, seed: int, shape: Sequence[int]) -> None:
        self._seed = seed
        self._shape = tuple(shape)
        self._knots: list[Tensor] = [torch.zeros(self._shape)]  # W at 0, 2**LOWEST, 2**(LOWEST + 1), …
        self._last = 0.0, self._knots[0]
        self._fresh = 0

    def initial(self) -> Tensor:
        """Unit noise to start from; below 2**32 the very numbers `torch.manual_seed(seed)` begins with."""
        return self.initial_of(self._shape)

    def initial_of(self, shape: Sequence[int]) -> Tensor:
        """As `initial`, for a picture of another size."""
        if self._seed >= TORCH_SEEDS:
            return self._draw(START, 0, 0, shape)
        return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(self._seed))

    def increment(self, a: float, b: float) -> Tensor:
        """(W(a) - W(b)) / sqrt(a - b) for a > b, unit variance; a fresh draw for a <= b."""
        if a <= b:
            self._fresh += 1
            return self._draw(FRESH, self._fresh, 0)
        from_b = self._at(b)
        return (self._at(a) - from_b) / math.sqrt(a - b)

    def _at(self, sigma: float) -> Tensor:
        # Samplers go from level to level: where the last step ended the next one begins.
        if self._last[0] != sigma:
            self._last = sigma, self._descend(sigma)
        return self._last[1]

    def _descend(self, sigma: float) -> Tensor:
        octave = 0 if sigma < 2.0**LOWEST else math.frexp(sigma)[1] - LOWEST
        low, high = self._knot_position(octave), self._knot_position(octave + 1)
        at_low, at_high = self._knot(octave), self._knot(octave + 1)
        place = 1
        for _ in range(DEPTH):
            if sigma == low:
                return at_low
            middle = (low + high) / 2
            draw = self._draw(PATH, octave, place) * math.sqrt((high - low) / 4)
            at_middle = (at_low + at_high) / 2 + draw
            if sigma < middle:
                high, at_high, place = middle, at_middle, 2 * place
            else:
                low, at_low, place = middle, at_middle, 2 * place + 1
        part = (sigma - low) / (high - low)
        return at_low + (at_high - at_low) * part

    @staticmethod
    def _knot_position(index: int) -> float:
        return 0.0 if index == 0 else 2.0 ** (LOWEST + index - 1)

    def _knot(self, index: int) -> Tensor:
        while len(self._knots) <= index:
            k = len(self._knots)
            length = self._knot_position(k) - self._knot_position(k - 1)
            self._knots.append(self._knots[-1] + self._draw(PATH, k - 1, 0) * math.sqrt(length))
        return self._knots[index]

    def _draw(self, kind: int, first: int, second: int, shape: Sequence[int] | None = None) -> Tensor:
        place = struct.pack("<qqqq", self._seed, kind, first, second)
        seed = int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "little")
        return torch.randn(tuple(shape or self._shape), generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True, slots=True)
class Moved:
    """How the noise to start from is moved: towards another seed's, one an image, and drawn in another shape."""

    seeds: Sequence[int]
    strength: float
    shape: tuple[int, int, int]

    def initial(self, path: BrownianPath, index: int, shape: Sequence[int]) -> Tensor:
        """Unit noise [C, h, w] of this shape, as A1111 makes it of a variation and of a seed's other size."""
        noise = path.initial_of(self.shape)
        if self.strength > 0:
            other = BrownianPath(self.seeds[index], self.shape).initial()
            noise = between(self.strength, noise, other)
        return noise if self.shape == tuple(shape) else placed(noise, path.initial_of(shape))


class BatchNoise:
    """A `NoiseSource`: one path a seed, stacked and sent to the device that draws."""

    def __init__(
        self, seeds: Sequence[int], shape: Sequence[int], device: torch.device, moved: Moved | None = None
    ) -> None:
        """`shape` is one image's latent, [C, h, w]."""
        self._paths = [BrownianPath(seed, shape) for seed in seeds]
        self._shape = shape
        self._device = device
        self._moved = moved

    def initial(self) -> Tensor:
        """Unit noise [B, C, h, w]; image i is the same whatever the other seeds are."""
        moved = self._moved
        if moved is None:
            return torch.stack([path.initial() for path in self._paths]).to(self._device)
        noises = [moved.initial(path, i, self._shape) for i, path in enumerate(self._paths)]
        return torch.stack(noises).to(self._device)

    def __call__(self, a: float, b: float) -> Tensor:
        """Noise [B, C, h, w] for the step from noise level a to b; see `protocols.Noise`."""
        return torch.stack([path.increment(a, b) for path in self._paths]).to(self._device)

    def of(self, image: int) -> Callable[[float, float], Tensor]:
        """The noise of one image, [1, C, h, w]; see `protocols.NoiseSource`."""
        path = self._paths[image]  # each path counts its own fresh draws
        return lambda a, b: path.increment(a, b)[None].to(self._device)
