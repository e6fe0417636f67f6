"""Prompts that change on the way and prompts that are added: several conditions become one estimate.

A `Mixture` is a condition as guidance sees it; `mixing` turns a model's `Predict` into one that takes them. So every
guidance works with schedules and with AND, and knows of neither. All of it is a function of x and sigma.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdtoolbox.protocols import Condition, Predict

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 8
"""Conditions in one network call: a prompt of a hundred parts takes longer, and no more memory."""
NOTHING = 1e-9
"""Weights below are rounding errors."""
Course = Callable[[float], Condition]
"""The condition that holds at a noise level."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Weighted conditions, each on its course; the estimate is the weighted sum of theirs."""

    terms: Sequence[tuple[float, Course]]


def composed(parts: Sequence[tuple[float, Course]], unconditional: Course | None) -> Mixture:
    """What AND means: from the unconditional estimate u a step along each part's own direction, u + sum w_i (c_i - u).

    Liu et al. (2022), "Compositional Visual Generation with Composable Diffusion Models", equation 11; guidance then
    goes `scale` times as far. u counts 1 - sum w_i: where that is nothing it is not asked for and may be None.
    """
    rest = remainder([weight for weight, _ in parts])
    terms = [(weight, course) for weight, course in parts if abs(weight) > NOTHING]
    if rest:
        if unconditional is None:
            raise ValueError("weights that do not add up to 1 need the unconditional estimate")
        terms.append((rest, unconditional))
    return Mixture(terms)


def remainder(weights: Sequence[float]) -> float:
    """What is left to 1 for the unconditional estimate."""
    rest = 1 - sum(weights)
    return rest if abs(rest) > NOTHING else 0.0


def mixing(predict: Predict) -> Predict:
    """A `Predict` for mixtures: the conditions that occur in them, each once, AT_ONCE in a network call."""

    def mixed(x: Tensor, sigma: float, mixtures: Sequence[Mixture]) -> list[Tensor]:
        now = [[(weight, course(sigma)) for weight, course in mixture.terms] for mixture in mixtures]
        asked = list({id(condition): condition for terms in now for _, condition in terms}.values())
        estimates = [
            estimate
            for start in range(0, len(asked), AT_ONCE)
            for estimate in predict(x, sigma, asked[start : start + AT_ONCE])
        ]
        of = {id(condition): estimate for condition, estimate in zip(asked, estimates, strict=True)}
        return [_sum([(weight, of[id(condition)]) for weight, condition in terms]) for terms in now]

    return mixed


def _sum(terms: Sequence[tuple[float, Tensor]]) -> Tensor:
    (weight, total), *more = terms
    if weight != 1:
        total = total * weight
    for weight, estimate in more:
        total = total + estimate * weight
    return total
