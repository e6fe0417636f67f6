"""One stage of a model's training, as the command line runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sdtoolbox.training.run import Options

Run = Callable[[Options, argparse.Namespace], None]
_OVERRIDES = ("processes", "minutes", "steps", "batch", "learning_rate")


@dataclass(frozen=True)
class Stage:
    """What a stage does, and its own defaults of `Options`."""

    help: str
    run: Run
    defaults: dict[str, Any] = field(default_factory=dict)


def options_from(given: argparse.Namespace, stage: Stage) -> Options:
    """The stage's defaults, overridden by what the command line gives."""
    options = Options(Path(given.run_folder), given.device, given.threads, given.seed)
    options = replace(options, **stage.defaults)
    named = {name: getattr(given, name) for name in _OVERRIDES if getattr(given, name) is not None}
    return replace(options, **named)


def say(line: str) -> None:
    """A line of progress, seen at once."""
    print(line, flush=True)
