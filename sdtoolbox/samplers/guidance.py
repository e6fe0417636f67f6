"""Guidance: several predictions of one network call become one denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Condition, Denoiser, Guidance, Predict

if TYPE_CHECKING:
    from torch import Tensor


def classifier_free(condition: Condition, unconditional: Condition, scale: float) -> Guidance:
    """Away from the unconditional estimate, `scale` times as far as the conditional one lies.

    Ho and Salimans (2022), "Classifier-Free Diffusion Guidance", equation 6 with scale = 1 + w. At scale 1 only
    `condition` is computed, half the work, and `unconditional` may be None.
    """

    def guide(predict: Predict) -> Denoiser:
        def conditional(x: Tensor, sigma: float) -> Tensor:
            return predict(x, sigma, [condition])[0]

        def guided(x: Tensor, sigma: float) -> Tensor:
            positive, negative = predict(x, sigma, [condition, unconditional])
            return negative + (positive - negative) * scale

        return conditional if scale == 1 else guided

    return guide


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
