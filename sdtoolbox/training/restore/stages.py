"""The stages of the restoration networks' training, by name, with their default budgets; run them in this order."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sdtoolbox.training.restore import export, pool, recipes
from sdtoolbox.training.run import Options, prepare, train

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


def run_stage(name: str, given: argparse.Namespace) -> None:
    """Runs stage `name`."""
    stage = STAGES[name]
    options = options_from(given, stage)
    prepare(options)
    stage.run(options, given)


def _say(line: str) -> None:
    print(line, flush=True)


def _leaves(options: Options, given: argparse.Namespace) -> None:
    _say(f"wrote {pool.draw_pool(options.folder, options.seed, given.count, options.processes, _say)}")


def _denoiser(options: Options, given: argparse.Namespace) -> None:
    train(recipes.DenoiserRecipe(options, pool.Pool(options.folder)), options, _say)


def _upscaler(options: Options, given: argparse.Namespace, scale: int) -> None:
    train(recipes.UpscalerRecipe(options, pool.Pool(options.folder), scale), options, _say)


def _cleaner(options: Options, given: argparse.Namespace) -> None:
    train(recipes.CleanerRecipe(options, pool.Pool(options.folder)), options, _say)


def _export(options: Options, given: argparse.Namespace) -> None:
    for product in export.trained(options.folder):
        _say(f"wrote {export.export(options.folder, product, Path(given.assets) / 'models' / 'restorers')}")


def _evaluate(options: Options, given: argparse.Namespace) -> None:
    from sdtoolbox.training.restore import report  # it needs scikit-image, which training does not

    report.evaluate(options.folder, Path(given.assets), Path("docs/restoration.md"), _say)


STAGES: dict[str, Stage] = {
    "leaves": Stage("draws the pictures that all are trained on", _leaves, {"processes": 2}),
    "denoiser": Stage("trains the denoiser", _denoiser, {"minutes": 60.0, "batch": 8, "learning_rate": 4e-3}),
    "sr4": Stage(
        "trains the upscaler to four times the size",
        partial(_upscaler, scale=4),
        {"minutes": 15.0, "batch": 8, "learning_rate": 4e-3},
    ),
    "sr2": Stage(
        "trains the upscaler to twice the size",
        partial(_upscaler, scale=2),
        {"minutes": 15.0, "batch": 8, "learning_rate": 4e-3},
    ),
    "jpeg": Stage("trains the JPEG cleaner", _cleaner, {"minutes": 30.0, "batch": 8, "learning_rate": 4e-3}),
    "export": Stage("writes the trained networks to the assets", _export),
    "evaluate": Stage("judges the exported networks and writes their cards", _evaluate),
}
