"""`python -m sdtoolbox.training MODEL STAGE`: trains, exports and judges the models that are built in."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from sdtoolbox.training.restore.stages import STAGES as RESTORE_STAGES
from sdtoolbox.training.restore.stages import run_stage as run_restore_stage
from sdtoolbox.training.storybook.stages import STAGES, run_stage


def parser() -> argparse.ArgumentParser:
    """The command line: a model, a stage, and the stage's options (what is left out, the stage decides)."""
    top = argparse.ArgumentParser(prog="python -m sdtoolbox.training", description=__doc__)
    models = top.add_subparsers(dest="model", required=True)
    storybook = models.add_parser("storybook", help="the picture-book model, from a drawn world to weights")
    _add_stages(storybook, {name: stage.help for name, stage in STAGES.items()}, ".runs/storybook", 16_384)
    restore = models.add_parser("restore", help="the restoration networks, from drawn pictures to weights")
    _add_stages(restore, {name: stage.help for name, stage in RESTORE_STAGES.items()}, ".runs/restore", 288)
    return top


def _add_stages(model: argparse.ArgumentParser, helps: Mapping[str, str], folder: str, count: int) -> None:
    stages = model.add_subparsers(dest="stage", required=True)
    for name, text in helps.items():
        options = stages.add_parser(name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        options.add_argument("--run-folder", default=folder, help="checkpoints, logs and data go here")
        options.add_argument("--threads", type=int, default=1, help="CPU threads")
        options.add_argument("--processes", type=int, help="processes that share the work")
        options.add_argument("--device", default="cpu", help="cpu or cuda")
        options.add_argument("--seed", type=int, default=0, help="seed of weights, data and noise")
        options.add_argument("--minutes", type=float, help="budget in minutes of training")
        options.add_argument("--steps", type=int, help="budget in steps, instead of minutes")
        options.add_argument("--batch", type=int, help="samples a step")
        options.add_argument("--learning-rate", type=float, help="peak learning rate")
        options.add_argument("--count", type=int, default=count, help="how many scenes to encode, or pictures to draw")
        options.add_argument("--assets", default="assets", help="folder that finished models are written to")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one stage; the same command again goes on where the last one stopped."""
    given = parser().parse_args(arguments)
    {"storybook": run_stage, "restore": run_restore_stage}[given.model](given.stage, given)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
