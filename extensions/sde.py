"""Example: samplers that run the noising backwards, as a stochastic differential equation and as a chain.

With σ² as the time, noising is dx = dw, and run backwards (Anderson 1982, "Reverse-Time Diffusion Equation Models";
Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential Equations", equation 6) it leads from
noise to the data. A step of Euler and Maruyama from σ² to σ² − h is

    x ← x + h s(x, σ) + √h z        s(x, σ) = (denoised − x) / σ²

`reverse_sde` makes them as long as a tolerance allows; `annealed_ancestral` makes one a level and draws from what is
known of a long step's variance.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sdtoolbox.extensions import Extension
    from sdtoolbox.protocols import Denoiser, Measure, Noise, NoiseSource, OnStep

FIRST_STEP, SHORTEST, LARGEST_GROWTH = 0.05, 1e-3, 3.0
"""Lengths in log σ of the first attempt and of one that is never refused; how many times longer the next one may be."""
SAFETY, POWER = 0.9, 0.9
"""The next step is SAFETY * error^-POWER times as long: theta and r of the paper's algorithm 1."""


def reverse_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: NoiseSource,
    on_step: OnStep,
    measure: Measure,
    rtol: Annotated[float, Limits(1e-3, 1)] = 0.1,
    atol: Annotated[float, Limits(1e-4, 1)] = 0.0078,
) -> Tensor:
    """Random steps as long as a tolerance allows: about 80 network calls, whatever the number of steps says.

    Jolicoeur-Martineau et al. (2021), "Gotta Go Fast When Generating Data with Score-Based Models", algorithm 1: a step
    of Euler and Maruyama is compared with one that takes the mean of the scores at both ends. Where they differ by more
    than `rtol` of the values or `atol`, in the mean square, a shorter step is tried; else the second one counts.
    Images are drawn one after another, because each has its own steps; how many were taken and refused is reported. The
    number of steps only sets the ladder on which progress is shown.
    """
    images, steps, end, result = len(x), len(sigmas) - 1, sigmas[-2], x.clone()
    walks = []
    for k in range(images):
        walk, reached = _Walk(denoise, noise.of(k), x[k : k + 1], sigmas[0]), 0
        walks.append(walk)
        while reached < steps:
            if walk.sigma > end:
                walk.attempt(end, rtol, atol)
            passed = sum(walk.sigma <= level for level in sigmas[1:-1]) if walk.sigma > end else steps
            for step in range((k * steps + reached) // images, (k * steps + passed) // images):
                on_step(step, walk.x, walk.denoised)
            reached = passed
        result[k : k + 1] = walk.denoised
    measure("steps_taken", [walk.taken for walk in walks])
    measure("steps_refused", [walk.refused for walk in walks])
    return result


class _Walk:
    """One image on its way: x with noise of std sigma, what it is estimated to show, and how long the next step is."""

    def __init__(self, denoise: Denoiser, path: Noise, x: Tensor, sigma: float) -> None:
        """`path` is the noise of this image alone, [1, C, h, w] as x."""
        self._denoise, self._path = denoise, path
        self.x, self.sigma = x, sigma
        self.denoised = denoise(x, sigma)
        self.taken = self.refused = 0
        self._length, self._before = FIRST_STEP, x

    def attempt(self, end: float, rtol: float, atol: float) -> None:
        """Go a step, not beyond `end`, or only learn how long it may be.

        The path runs in σ²: there its increments are those of the equation. A shorter step follows the path that the
        refused one followed, so what was refused does not select the noise.
        """
        sigma = max(self.sigma * math.exp(-self._length), end)
        h = self.sigma**2 - sigma**2
        score = (self.denoised - self.x) / self.sigma**2
        euler = self.x + score * h + self._path(self.sigma**2, sigma**2) * math.sqrt(h)
        mended = euler + ((self._denoise(euler, sigma) - euler) / sigma**2 - score) * (h / 2)
        allowed = (euler.abs().maximum(self._before.abs()) * rtol).clamp(min=atol)
        error = float(((mended - euler) / allowed).square().mean().sqrt())
        if not math.isfinite(error):  # nothing finite will come of it: what is checked after sampling says so
            self.sigma, self.denoised = end, mended * error
        elif error <= 1 or self._length <= SHORTEST:
            self.x, self.sigma, self._before = mended, sigma, euler
            self.denoised = self._denoise(mended, sigma)
            self.taken += 1
        else:
            self.refused += 1
        self._length = max(SHORTEST, self._length * min(LARGEST_GROWTH, SAFETY * max(error, 1e-6) ** -POWER))


def annealed_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    spread: Annotated[float, Limits(0, 100)] = 0.0,
) -> Tensor:
    """The chain that diffusion models were first drawn with, and its choice of variance: one network call a step.

    Ho et al. (2020), "Denoising Diffusion Probabilistic Models", algorithm 2, in terms of σ: where σ² falls by h to
    σ'²,

        x ← x + h s(x, σ) + √(h (d² + σ'²) / (d² + σ²)) z

    The root is exact if the data are normally distributed with standard deviation d, the option `spread`. 0 and 1 are
    the two variances of the paper, section 3.2: 0 is `ddpm`, and fits pictures in few steps; the larger one is the
    better the more steps there are. The last step adds no noise.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised + (x - denoised) * (sigma_next / sigma) ** 2  # x + h s, and `denoised` to the bit at the end
        if sigma_next > 0:
            kept = (spread**2 + sigma_next**2) / (spread**2 + sigma**2)
            x = x + noise(sigma, sigma_next) * math.sqrt((sigma**2 - sigma_next**2) * kept)
        on_step(i, x, denoised)
    return x


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(reverse_sde, label="Reverse SDE", schedule="karras")
    ext.sampler(annealed_ancestral, label="Annealed ancestral", schedule="karras")
