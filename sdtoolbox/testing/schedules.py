"""What every schedule promises: noise levels that fall and end in 0."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sdtoolbox.registered import ScheduleInfo
from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import Look, PromiseError, at_each_end
from sdtoolbox.testing.samplers import TABLE

MOST = 100


def falls(entry: Entry[ScheduleInfo]) -> str:
    """For every number of steps from 1 to 100."""
    for steps in range(1, MOST + 1):
        check_levels(entry.value.function(steps, TABLE), steps)
    first = entry.value.function(20, TABLE)[0]
    return f"1 to {MOST} steps, from sigma {first:.4g}; the model's largest is {TABLE.sigma_max:.4g}"


def options_at_their_ends(entry: Entry[ScheduleInfo]) -> str:
    """With each option at each end of what it allows."""

    def look(given: dict[str, Any]) -> None:
        for steps in (1, 2, 20, MOST):
            check_levels(entry.value.function(steps, TABLE, **given), steps)

    return at_each_end(entry.value.options, look)


def check_levels(sigmas: Sequence[float], steps: int) -> None:
    """`PromiseError` unless these are steps + 1 floats that fall and end in 0."""
    if len(sigmas) != steps + 1:
        raise PromiseError(f"it gives {len(sigmas)} levels for {steps} steps: there must be one more than steps")
    if wrong := [sigma for sigma in sigmas if not isinstance(sigma, float | int) or not math.isfinite(sigma)]:
        raise PromiseError(f"it gives the level {wrong[0]!r} for {steps} steps: levels are finite floats")
    if rising := next(((a, b) for a, b in pairwise(sigmas) if a <= b), None):
        raise PromiseError(f"for {steps} steps {rising[0]:.4g} is followed by {rising[1]:.4g}: levels must fall")
    if sigmas[-1] != 0:
        raise PromiseError(f"for {steps} steps it ends in {sigmas[-1]:.4g}, not in 0")


LOOKS: Mapping[str, Look] = {"falls to 0": falls, "options at their ends": options_at_their_ends}
