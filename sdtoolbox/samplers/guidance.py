"""Guidance: several predictions of one network call become one denoiser."""

from __future__ import annotations

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
