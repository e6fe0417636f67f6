import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sdtoolbox.training import run
from sdtoolbox.training.run import Average, Metrics, Options, freeze_world, learning_rate, train


class Line:
    """Fits y = 3 x with a matrix; the smallest recipe."""

    name = "line"

    def __init__(self, options: Options) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.module: nn.Module = nn.Linear(8, 8)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        x = torch.randn(4, 8, generator=self.options.generator(self.name, step))
        return (self.module(x) - 3 * x).square().mean(), {"fraction": fraction}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        return {"weight": float(next(averaged.parameters()).mean())}


class KilledError(Exception):
    pass


def weights(folder: Path) -> dict[str, Tensor]:
    return run.reached(folder, "line").weights


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Options(tmp_path / "whole", steps=12, checkpoint_seconds=0.0)
    train(Line(whole), whole, say=lambda line: None)

    class Interrupted(Line):
        def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
            if step == 7:
                raise KilledError
            return super().loss(step, fraction)

    parts = replace(whole, folder=tmp_path / "parts")
    with pytest.raises(KilledError):
        train(Interrupted(parts), parts, say=lambda line: None)
    lines: list[str] = []
    train(Line(parts), parts, say=lines.append)

    assert lines[0].startswith("line: goes on at step 7")
    one, two = weights(whole.folder), weights(parts.folder)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_finished_run_does_no_further_step(tmp_path: Path) -> None:
    options = Options(tmp_path, steps=3)
    train(Line(options), options, say=lambda line: None)
    before = weights(tmp_path)
    train(Line(options), options, say=lambda line: None)
    assert run.reached(tmp_path, "line").steps == 3
    assert torch.equal(before["weight"], weights(tmp_path)["weight"])


def test_an_extended_budget_is_said(tmp_path: Path) -> None:
    options = Options(tmp_path, steps=2)
    train(Line(options), options, say=lambda line: None)
    lines: list[str] = []
    longer = replace(options, steps=4)
    train(Line(longer), longer, say=lines.append)
    assert "line: the budget changed from 2 steps to 4 steps" in lines


def test_the_progress_line_says_step_loss_speed_and_rest(tmp_path: Path) -> None:
    options = Options(tmp_path, steps=2, print_seconds=0.0)
    lines: list[str] = []
    train(Line(options), options, say=lines.append)
    for part in ("step 1", "50.0 %", "loss", "samples/s", "ETA"):
        assert part in lines[0]
    assert lines[-1].startswith("line step 2 held out: weight")


def test_processes_share_their_gradients(tmp_path: Path) -> None:
    options = Options(tmp_path, steps=2, processes=2)
    run.in_processes(train_line, options)
    assert run.reached(tmp_path, "line").steps == 2


def train_line(options: Options) -> None:
    train(Line(options), options, say=lambda line: None)


def test_a_changed_world_is_refused(tmp_path: Path) -> None:
    freeze_world(tmp_path, "one")
    freeze_world(tmp_path, "one")
    with pytest.raises(RuntimeError, match="The world changed"):
        freeze_world(tmp_path, "two")


def test_a_missing_checkpoint_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the stage 'vae' first"):
        run.reached(tmp_path, "vae")


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    assert learning_rate(1.0, 0.0, 0.1) == pytest.approx(0.01)
    assert learning_rate(1.0, 0.05, 0.1) == pytest.approx(0.5)
    assert learning_rate(1.0, 0.1, 0.1) == pytest.approx(1.0)
    assert learning_rate(1.0, 0.55, 0.1) == pytest.approx(0.5)
    assert math.isclose(learning_rate(1.0, 1.0, 0.1), 0.0, abs_tol=1e-12)


def test_the_average_follows_fast_at_first() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = Average(module, limit=0.9)
    nn.init.ones_(module.weight)
    average.update(module, step=0)  # decay 1 / 10
    assert next(average.module.parameters()).item() == pytest.approx(0.9)
    average.update(module, step=1000)  # decay 0.9
    assert next(average.module.parameters()).item() == pytest.approx(0.91)


def test_noise_depends_on_stage_seed_step_and_rank(tmp_path: Path) -> None:
    def first(options: Options, name: str, step: int) -> float:
        return float(torch.rand(1, generator=options.generator(name, step)))

    options = Options(tmp_path)
    numbers = {
        first(options, "a", 0),
        first(options, "b", 0),
        first(options, "a", 1),
        first(replace(options, seed=1), "a", 0),
        first(replace(options, rank=1), "a", 0),
    }
    assert len(numbers) == 5
    assert first(options, "a", 0) in numbers
