"""What a network predicts, turned into an estimate of the clean latent; nothing else knows the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from sdtoolbox.errors import UserError

Scaling = Callable[[float], tuple[float, float]]
"""sigma -> (skip, out) of Karras et al. (2022), equation 7: denoised = skip x + out network(x / sqrt(sigma² + 1))."""


def epsilon(sigma: float) -> tuple[float, float]:
    """The network predicts the noise: x = x0 + sigma eps (Ho et al. 2020)."""
    return 1.0, -sigma


def v_prediction(sigma: float) -> tuple[float, float]:
    """The network predicts v = (eps - sigma x0) / sqrt(sigma² + 1) (Salimans and Ho 2022, appendix D)."""
    return 1 / (sigma**2 + 1), -sigma / math.sqrt(sigma**2 + 1)


def sample(_sigma: float) -> tuple[float, float]:
    """The network predicts the clean latent itself."""
    return 0.0, 1.0


def preconditioned(sigma: float) -> tuple[float, float]:
    """The network predicts (x0 - x / (sigma² + 1)) sqrt(sigma² + 1) / sigma, v with its sign turned.

    Karras et al. (2022), table 1, for data of unit variance.
    """
    return 1 / (sigma**2 + 1), sigma / math.sqrt(sigma**2 + 1)


SCALINGS: Mapping[str, Scaling] = {"epsilon": epsilon, "v_prediction": v_prediction, "sample": sample}


def scaling(prediction_type: str) -> Scaling:
    """The scaling of a diffusers `prediction_type`; MODEL_TYPE for one we do not know."""
    if prediction_type not in SCALINGS:
        raise UserError(
            "MODEL_TYPE", f"its network predicts {prediction_type[:40]!r}.", f"Known are: {', '.join(SCALINGS)}."
        )
    return SCALINGS[prediction_type]
