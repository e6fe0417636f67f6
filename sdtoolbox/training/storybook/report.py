"""Draws the evaluation's pictures with the exported model, has them judged, and writes results, sheets and the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdtoolbox.training.storybook.run import Options


def evaluate(options: Options, models: Path, say: Callable[[str], None]) -> None:
    raise NotImplementedError
