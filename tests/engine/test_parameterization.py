from __future__ import annotations

import math

import pytest

from sdtoolbox.engine.parameterization import SCALINGS, preconditioned, scaling
from sdtoolbox.errors import UserError


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6, 4096.0])
def test_a_network_without_error_gives_the_clean_latent(sigma: float) -> None:
    """x = x0 + sigma eps; v = sqrt(alpha) eps - sqrt(1 - alpha) x0 with alpha = 1 / (1 + sigma²)."""
    clean, epsilon = 0.7, -1.3
    x, alpha = clean + sigma * epsilon, 1 / (1 + sigma**2)
    answers = {
        "epsilon": epsilon,
        "v_prediction": math.sqrt(alpha) * epsilon - math.sqrt(1 - alpha) * clean,
        "sample": clean,
    }
    assert answers.keys() == SCALINGS.keys()
    for prediction_type, answer in answers.items():
        skip, out = scaling(prediction_type)(sigma)
        assert x * skip + answer * out == pytest.approx(clean, rel=1e-6)
    skip, out = preconditioned(sigma)  # the negative of v
    assert x * skip - answers["v_prediction"] * out == pytest.approx(clean, rel=1e-6)


def test_an_unknown_prediction_is_named() -> None:
    with pytest.raises(UserError, match="'flow_prediction'") as caught:
        scaling("flow_prediction")
    assert caught.value.code == "MODEL_TYPE"
