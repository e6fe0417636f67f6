"""UniPC: a predictor, and a corrector that reuses the next step's network call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.samplers.steps import intervals
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension


class _Look(NamedTuple):
    """One network call that is remembered: at which lambda = -log sigma, and what it said."""

    lam: float
    denoised: Tensor


def unipc(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    order: Annotated[int, Limits(1, 3, "UniPC order")] = 2,
) -> Tensor:
    """Predicts, then corrects with what the network says where it arrived: exact with few steps, one call each.

    Zhao et al. (2023), "UniPC: A Unified Predictor-Corrector Framework", algorithms 5 to 8 with data prediction
    and B(h) = exp(-h) - 1 ("bh2"); order 2 or 3 of the predictor, one more with the corrector. The step to
    sigma = 0 is of first order: its result is the estimate itself.
    """
    looks: list[_Look] = []  # the newest last, `order` of them
    x_before, sigma_before = x, 0.0
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        look = _Look(-math.log(sigma), denoised)
        if looks:
            x = _advance(x_before, sigma_before, sigma, looks, arrived=look)
        looks = [*looks, look][-order:]
        x_before, sigma_before = x, sigma
        x = denoised if sigma_next == 0 else _advance(x, sigma, sigma_next, looks)
        on_step(i, x, denoised)
    return x


def _advance(
    x: Tensor, sigma: float, sigma_next: float, looks: Sequence[_Look], arrived: _Look | None = None
) -> Tensor:
    """From sigma to sigma_next by what was seen at and before sigma and, to correct, where the step arrived.

    x(next) = next/sigma x - (exp(-h) - 1) (D + sum_k rho_k (D_k - D) / r_k), equations 3 and 9 of the paper;
    D is the estimate at sigma and r_k = (lambda_k - lambda) / h says where estimate D_k was made.
    """
    here = looks[-1]
    h = math.log(sigma / sigma_next)
    others = [*looks[:-1], *([] if arrived is None else [arrived])]
    ratios = [(look.lam - here.lam) / h for look in others]
    towards = here.denoised
    for weight, ratio, look in zip(_weights(ratios, h), ratios, others, strict=True):
        towards = towards + (look.denoised - here.denoised) * (weight / ratio)
    return x * (sigma_next / sigma) - towards * math.expm1(-h)


def _weights(ratios: Sequence[float], h: float) -> list[float]:
    """The rho of equation 5: sum_k rho_k r_k^(n-1) = n! phi_(n+1)(-h) / phi_1(-h) for n = 1 … len(ratios).

    With a single other estimate the paper takes rho = 1/2, which needs no phi and is as exact.
    """
    if len(ratios) == 1:
        return [0.5]
    rows, wanted = [], []
    phi_1 = phi = math.expm1(-h) / -h
    for n in range(1, len(ratios) + 1):
        phi = (phi - 1 / math.factorial(n)) / -h  # phi_(n+1)(z) = (phi_n(z) - 1/n!) / z at z = -h
        rows.append([ratio ** (n - 1) for ratio in ratios])
        wanted.append(phi * math.factorial(n) / phi_1)
    return _solve(rows, wanted)


def _solve(rows: list[list[float]], wanted: list[float]) -> list[float]:
    """Solve two or three linear equations by elimination; ratios differ, so no pivot is zero."""
    size = len(rows)
    table = [[*row, value] for row, value in zip(rows, wanted, strict=True)]
    for k in range(size):
        table[k:] = sorted(table[k:], key=lambda row: -abs(row[k]))
        for row in table[k + 1 :]:
            factor = row[k] / table[k][k]
            row[:] = [a - factor * b for a, b in zip(row, table[k], strict=True)]
    solution = [0.0] * size
    for k in reversed(range(size)):
        known = sum(table[k][j] * solution[j] for j in range(k + 1, size))
        solution[k] = (table[k][size] - known) / table[k][k]
    return solution


def register(ext: Extension) -> None:
    """Add the sampler of this file."""
    ext.sampler(unipc, label="UniPC")
