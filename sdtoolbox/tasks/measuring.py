"""What a sampler has to report of each picture of its batch: numbers by name, on their way into the result."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.registered import SamplerInfo
from sdtoolbox.registry import Entry

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST = 16
"""Names that a sampler may report: they stand in every picture."""
DIGITS = 6


class Reports:
    """`measure(name, values)` of one run of a sampler: the latest values of each name, one float per image.

    `values` may be a tensor [B]. EXTENSION_FAILED unless they are finite, as many as there are images, and under a name
    of small letters, digits and underscores.
    """

    def __init__(self, entry: Entry[SamplerInfo], images: int) -> None:
        self._entry = entry
        self.of_images: list[dict[str, float]] = [{} for _ in range(images)]

    def __call__(self, name: str, values: Sequence[float]) -> None:
        """Report `values` under `name`, in place of what was reported under it before."""
        numbers = [float(value) for value in values]
        if len(numbers) != len(self.of_images):
            raise self._failed(f"{len(numbers)} values of {name!r:.60} for {len(self.of_images)} images")
        if not all(map(math.isfinite, numbers)):
            raise self._failed(f"values of {name!r:.60} that are not finite")
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise self._failed(f"something under the name {name!r:.60}, which is none: use a-z, 0-9 and _")
        if len(self.of_images[0].keys() | {name}) > MOST:
            raise self._failed(f"more than {MOST} things")
        for known, number in zip(self.of_images, numbers, strict=True):
            known[name] = float(f"{number:.{DIGITS}g}")

    def _failed(self, said: str) -> UserError:
        entry: Entry[Any] = self._entry
        return UserError(
            "EXTENSION_FAILED",
            f"sampler {entry.label} of {entry.owner} reported {said}.",
            "Choose another sampler.",
            "sampler",
        )
