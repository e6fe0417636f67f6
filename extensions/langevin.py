"""Example: samplers that wander. Langevin dynamics at each noise level, plain and with Metropolis' correction.

Both climb the slope of log p, the score, which the denoiser knows (Vincent 2011, "A Connection Between Score Matching
and Denoising Autoencoders"), and are shaken at every step:

    x ← x + ε s(x) + √(2ε) z        s(x) = (denoised − x) / σ²,  z a fresh draw of unit variance

With a small ε the x of many such steps are distributed as the data with noise of standard deviation σ. Then comes the
next level, as in Song and Ermon (2019), "Generative Modeling by Estimating Gradients of the Data Distribution",
algorithm 1: ε is a fixed share of σ². Between two levels x glides down the slope of the noise-free equation, for else
it carries more noise than the next level stands for: the predictor and the corrector of Song et al. (2021),
"Score-Based Generative Modeling through Stochastic Differential Equations", section 4.2.
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
    from sdtoolbox.protocols import Denoiser, Measure, Noise, OnStep

Iterations = Annotated[int, Limits(1, 200)]


def langevin(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    iterations: Iterations = 2,
    step: Annotated[float, Limits(0.001, 1)] = 0.2,
    glide: bool = True,
) -> Tensor:
    """Wanders at each noise level before it goes on to the next: iterations + 1 network calls a step.

    Unadjusted Langevin dynamics: see the head of the file. ε is `step` times σ²; what x has of the noise comes out
    1 / (1 − step / 2) times as large in variance as it should be. Without `glide` x goes from level to level as it is,
    which is the algorithm of 2019: `iterations` calls a step, and many more iterations are needed.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        for _ in range(iterations):
            denoised = denoise(x, sigma)
            x = x + (denoised - x) * step + noise(sigma, sigma) * (sigma * math.sqrt(2 * step))
        if glide or sigma_next == 0:
            denoised = denoise(x, sigma)
            x = denoised + (x - denoised) * (sigma_next / sigma)
        on_step(i, x, denoised)
    return x


def adjusted_langevin(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    measure: Measure,
    iterations: Iterations = 2,
    step: Annotated[float, Limits(0.001, 10)] = 1.0,
    glide: bool = True,
) -> Tensor:
    """Wanders as Langevin does and takes back steps that lead nowhere likely: iterations + 1 network calls a step.

    The Metropolis-adjusted Langevin algorithm (Roberts and Tweedie 1996). ε is `step` σ² / n^(1/3) for latents of n
    numbers, so that as many steps are taken whatever the size of the picture (Roberts and Rosenthal 1998). Each image
    is judged by itself: `_taken`. The share that was taken is reported as `acceptance_rate`. `glide` as in `langevin`.
    """
    share = min(step / x[0].numel() ** (1 / 3), 1.0)
    takings = []  # bool [B], of each step
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        epsilon = share * sigma**2
        denoised = denoise(x, sigma)
        for _ in range(iterations):
            proposed = x + (denoised - x) * share + noise(sigma, sigma) * math.sqrt(2 * epsilon)
            there = denoise(proposed, sigma)
            taken = _taken((denoised - x) / sigma**2, (there - proposed) / sigma**2, epsilon, noise(sigma, sigma))
            x, denoised = proposed.where(taken, x), there.where(taken, denoised)
            takings.append(taken.flatten())
        if glide or sigma_next == 0:
            x = denoised + (x - denoised) * (sigma_next / sigma)
        on_step(i, x, denoised)
    measure("acceptance_rate", [float(sum(image)) / len(takings) for image in zip(*takings, strict=True)])
    return x


def _taken(score: Tensor, score_there: Tensor, epsilon: float, draw: Tensor) -> Tensor:
    """Which images take the step, bool [B, 1, 1, 1], from the scores on both ends and a draw of unit variance.

    Metropolis and Hastings take it with probability min(1, p(x') q(x | x') / (p(x) q(x' | x))). The network knows no p,
    but log p(x') − log p(x) is the integral of the score along the line between them (Sjöberg et al. 2023,
    "MCMC-Correction of Score-Based Diffusion Models for Model Composition"). Its trapezoid, the step times the mean of
    the two scores, is exact where the score is linear, as for data from a normal distribution; with it all that names
    x, x' or the draw falls out of the fraction, whose logarithm is ε / 4 (|s(x)|² − |s(x')|²). A guided score is the
    slope of no p at all: there this is the same rule, and no theorem.

    The chance of an image is one number of its own draw, as the probability that a normal number is smaller: so it
    belongs to its seed and not to its batch.
    """
    gain = (score.square() - score_there.square()).flatten(1).sum(1) * (epsilon / 4)
    chance = ((draw.flatten(1)[:, 0] / math.sqrt(2)).erf() + 1) / 2
    return (chance < gain.exp()).reshape(-1, *(1 for _ in score.shape[1:]))


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(langevin, label="Langevin", schedule="karras")
    ext.sampler(adjusted_langevin, label="Langevin adjusted", schedule="karras")
