"""`python -m sdtoolbox.training storybook STAGE`: trains, exports and judges the built-in model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sdtoolbox.training.storybook.stages import STAGES, run_stage


def parser() -> argparse.ArgumentParser:
    """The command line: a model, a stage, and the stage's options (what is left out, the stage decides)."""
    top = argparse.ArgumentParser(prog="python -m sdtoolbox.training", description=__doc__)
    models = top.add_subparsers(dest="model", required=True)
    storybook = models.add_parser("storybook", help="the picture-book model, from a drawn world to weights")
    stages = storybook.add_subparsers(dest="stage", required=True)
    for name, stage in STAGES.items():
        options = stages.add_parser(name, help=stage.help, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        options.add_argument("--run-folder", default=".runs/storybook", help="checkpoints, logs and data go here")
        options.add_argument("--threads", type=int, default=1, help="CPU threads")
        options.add_argument("--processes", type=int, help="processes that share their gradients")
        options.add_argument("--device", default="cpu", help="cpu or cuda")
        options.add_argument("--seed", type=int, default=0, help="seed of weights, data and noise")
        options.add_argument("--minutes", type=float, help="budget in minutes of training")
        options.add_argument("--steps", type=int, help="budget in steps, instead of minutes")
        options.add_argument("--batch", type=int, help="samples a step")
        options.add_argument("--learning-rate", type=float, help="peak learning rate")
        options.add_argument("--count", type=int, default=16_384, help="how many scenes to encode")
        options.add_argument("--assets", default="assets", help="folder that finished models are written to")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one stage; the same command again goes on where the last one stopped."""
    given = parser().parse_args(arguments)
    run_stage(given.stage, given)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
