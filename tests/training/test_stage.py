from argparse import Namespace
from pathlib import Path

import pytest

from sdtoolbox.training.__main__ import parser
from sdtoolbox.training.run import Options
from sdtoolbox.training.stage import Stage, options_from, say

STAGE = Stage("does nothing", lambda options, given: None, {"minutes": 5.0, "batch": 12})


def given(*more: str) -> Namespace:
    return parser().parse_args(["restore", "denoiser", "--run-folder", "runs", *more])


def test_what_the_command_leaves_out_the_stage_decides() -> None:
    assert options_from(given(), STAGE) == Options(Path("runs"), minutes=5.0, batch=12)


def test_what_the_command_says_is_heard() -> None:
    options = options_from(given("--minutes", "0.5", "--batch", "3", "--seed", "7", "--threads", "2"), STAGE)
    assert options == Options(Path("runs"), threads=2, seed=7, minutes=0.5, batch=3)


@pytest.mark.parametrize("model", ["storybook", "restore"])
def test_both_models_have_stages_of_that_kind(model: str) -> None:
    assert parser().parse_args([model, "export"]).run_folder == f".runs/{model}"


def test_progress_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("half")
    assert capsys.readouterr().out == "half\n"
