"""The stages of the restoration networks' training, by name, with their default budgets; run them in this order."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from sdtoolbox.training.restore import export, pool, recipes
from sdtoolbox.training.run import Options, prepare, train
from sdtoolbox.training.stage import Stage, options_from, say


def run_stage(name: str, given: argparse.Namespace) -> None:
    """Runs stage `name`."""
    stage = STAGES[name]
    options = options_from(given, stage)
    prepare(options)
    stage.run(options, given)


def _leaves(options: Options, given: argparse.Namespace) -> None:
    say(f"wrote {pool.draw_pool(options.folder, options.seed, given.count, options.processes, say)}")


def _denoiser(options: Options, given: argparse.Namespace) -> None:
    train(recipes.DenoiserRecipe(options, pool.Pool(options.folder)), options, say)


def _polish(options: Options, given: argparse.Namespace) -> None:
    train(recipes.PolishRecipe(options, pool.Pool(options.folder)), options, say)


def _upscaler(options: Options, given: argparse.Namespace, scale: int) -> None:
    train(recipes.UpscalerRecipe(options, pool.Pool(options.folder), scale), options, say)


def _upscaler_polish(options: Options, given: argparse.Namespace) -> None:
    train(recipes.UpscalerPolishRecipe(options, pool.Pool(options.folder)), options, say)


def _cleaner(options: Options, given: argparse.Namespace) -> None:
    train(recipes.CleanerRecipe(options, pool.Pool(options.folder)), options, say)


def _export(options: Options, given: argparse.Namespace) -> None:
    for product in export.trained(options.folder):
        say(f"wrote {export.export(options.folder, product, Path(given.assets) / 'models' / 'restorers')}")


def _evaluate(options: Options, given: argparse.Namespace) -> None:
    from sdtoolbox.training.restore import report  # it needs scikit-image, which training does not

    report.evaluate(options.folder, Path(given.assets), Path("docs/restoration.md"), say)


STAGES: dict[str, Stage] = {
    "leaves": Stage("draws the pictures that all are trained on", _leaves, {"processes": 2}),
    "denoiser": Stage("trains the denoiser", _denoiser, {"minutes": 68.0, "batch": 8, "learning_rate": 4e-3}),
    "polish": Stage("trains the denoiser on", _polish, {"minutes": 8.0, "batch": 8, "learning_rate": 2e-3}),
    "sr4": Stage(
        "trains the upscaler to four times the size",
        partial(_upscaler, scale=4),
        {"minutes": 13.0, "batch": 8, "learning_rate": 4e-3},
    ),
    "sr2": Stage(
        "trains the upscaler to twice the size",
        partial(_upscaler, scale=2),
        {"minutes": 9.0, "batch": 8, "learning_rate": 4e-3},
    ),
    "sr2-polish": Stage(
        "trains the upscaler to twice the size on",
        _upscaler_polish,
        {"minutes": 6.0, "batch": 8, "learning_rate": 2e-3},
    ),
    "jpeg": Stage("trains the JPEG cleaner", _cleaner, {"minutes": 10.0, "batch": 8, "learning_rate": 4e-3}),
    "export": Stage("writes the trained networks to the assets", _export),
    "evaluate": Stage("judges the exported networks and writes their cards", _evaluate),
}
