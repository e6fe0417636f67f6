"""Guidance: several predictions of one network call become one denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Condition, Denoiser, Guidance, Predict

if TYPE_CHECKING:
    from torch import Tensor


def classifier_free(
    condition: Condition,
    unconditional: Condition,
    scale: float,
    *,
    active: Callable[[float], bool] = lambda sigma: True,
    at_once: bool = True,
) -> Guidance:
    """Away from the unconditional estimate, `scale` times as far as the conditional one lies.

    Ho and Salimans (2022), "Classifier-Free Diffusion Guidance", equation 6 with scale = 1 + w. At scale 1, and at
    noise levels where `active(sigma)` is false, only `condition` is computed, half the work; at scale 1
    `unconditional` may be None. `at_once` False asks for one condition after the other: half the memory, a little
    slower.
    """

    def guide(predict: Predict) -> Denoiser:
        def both(x: Tensor, sigma: float) -> list[Tensor]:
            if at_once:
                return predict(x, sigma, [condition, unconditional])
            return [*predict(x, sigma, [condition]), *predict(x, sigma, [unconditional])]

        def denoise(x: Tensor, sigma: float) -> Tensor:
            if scale == 1 or not active(sigma):
                return predict(x, sigma, [condition])[0]
            positive, negative = both(x, sigma)
            return negative + (positive - negative) * scale

        return denoise

    return guide


def between(sigmas: Sequence[float], start: float, end: float) -> Callable[[float], bool]:
    """True for the noise levels of the steps from share `start` to share `end` of them.

    Kynkaanniemi et al. (2024), "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality".
    """
    steps = len(sigmas) - 1
    high = math.inf if start <= 0 else sigmas[min(round(start * steps), steps)]
    low = 0.0 if end >= 1 else sigmas[min(round(end * steps), steps)]

    def active(sigma: float) -> bool:
        return low < sigma <= high

    return active


class Remembering:
    """A `Predict` that keeps its last answer, so that a second denoiser may be served from the same network call."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._last: tuple[Tensor, float, Sequence[Condition], list[Tensor]] | None = None

    def __call__(self, x: Tensor, sigma: float, conditions: Sequence[Condition]) -> list[Tensor]:
        """What the network says, kept until the next call."""
        answers = self._predict(x, sigma, conditions)
        self._last = x, sigma, conditions, answers
        return answers

    def alone(self, condition: Condition) -> Denoiser:
        """The denoiser of one condition: from the last call if that was at this very x with it, else from a new one."""

        def denoise(x: Tensor, sigma: float) -> Tensor:
            if self._last is not None:
                last_x, last_sigma, conditions, answers = self._last
                if last_x is x and last_sigma == sigma:
                    for known, answer in zip(conditions, answers, strict=True):
                        if known is condition:
                            return answer
            return self._predict(x, sigma, [condition])[0]

        return denoise
