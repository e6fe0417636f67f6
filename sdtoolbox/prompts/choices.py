"""Who decides where a prompt leaves something open: chance, or every possibility in turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol


class Decide(Protocol):
    """Takes `count` of the possibilities, whose weights are given, as their places in rising order."""

    def __call__(self, weights: Sequence[float], count: int) -> list[int]: ...


class Chance:
    """Decides by a seed: the same decisions for the same seed, whatever machine."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # text seeds are hashed by SHA-512, the same everywhere

    def __call__(self, weights: Sequence[float], count: int) -> list[int]:
        """Without putting back, each in proportion to its weight; those of weight 0 only where nothing else is left."""
        left = list(range(len(weights)))
        taken = []
        for _ in range(count):
            at = self._one([weights[place] for place in left])
            taken.append(left.pop(at))
        return sorted(taken)

    def _one(self, weights: Sequence[float]) -> int:
        if not any(weight > 0 for weight in weights):
            return self._random.randrange(len(weights))
        if len(set(weights)) == 1:
            return self._random.randrange(len(weights))
        return self._random.choices(range(len(weights)), [max(weight, 0.0) for weight in weights])[0]


class Odometer:
    """Decides in every way there is, one way after another: use it, then `turn()` while that is True."""

    def __init__(self) -> None:
        self._digits: list[list[int]] = []  # [decision, how many there were]
        self._at = 0

    def __call__(self, weights: Sequence[float], count: int) -> list[int]:
        """The next decision of this way; weights mean nothing here."""
        taken: list[int] = []
        for k in range(count):
            start = taken[-1] + 1 if taken else 0
            taken.append(start + self._digit(len(weights) - start - (count - k - 1)))
        return taken

    def _digit(self, possible: int) -> int:
        if self._at == len(self._digits):
            self._digits.append([0, possible])
        self._at += 1
        return self._digits[self._at - 1][0]

    def turn(self) -> bool:
        """Go on to the next way; False after the last one."""
        self._at = 0
        while self._digits:
            self._digits[-1][0] += 1
            if self._digits[-1][0] < self._digits[-1][1]:
                return True
            self._digits.pop()
        return False
