"""One training run: its folder, its budget, its checkpoints and its progress line.

Every stage is a `Recipe`: a module, and a loss for step number `k`. Data and noise of step `k` are drawn from
generators seeded by `(stage, seed, k)`, so a run holds no random state: what a resumed run sees is what the
uninterrupted run would have seen.
"""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.utils.tensorboard import SummaryWriter

from sdtoolbox.training.optimizer import MuonAdamW

Metrics = dict[str, float]


@dataclass(frozen=True)
class Options:
    """What the command line says about a stage; the budget is `steps` where given, else `minutes`."""

    folder: Path
    device: str = "cpu"
    threads: int = 1
    seed: int = 0
    minutes: float = 10.0
    steps: int | None = None
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    ema: float = 0.999
    checkpoint_seconds: float = 120.0
    print_seconds: float = 10.0
    report_seconds: float = 240.0
    processes: int = 1
    rank: int = 0

    def fraction(self, step: int, seconds: float) -> float:
        """Share of the budget that is spent, 0 to 1."""
        done = step / self.steps if self.steps is not None else seconds / (60.0 * self.minutes)
        return min(1.0, done)

    def generator(self, name: str, step: int) -> torch.Generator:
        """A CPU generator for the noise of step `step` of stage `name`: the same numbers on every call."""
        key = zlib.crc32(f"{name}/{self.seed}/{step}/{self.rank}".encode())
        return torch.Generator().manual_seed(key | (step << 32))


class Recipe(Protocol):
    """What differs between the stages."""

    name: str
    module: nn.Module

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        """Scalar loss of batch `step`, with numbers to log; `fraction` is the share of the budget spent."""
        ...

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        """Measures the averaged weights on held-out data, and leaves pictures in `folder`."""
        ...


class Average:
    """Exponential moving average of weights, with a warm-up: decay = min(limit, (1 + n) / (10 + n))."""

    def __init__(self, module: nn.Module, limit: float) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.limit = limit

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.limit, (1 + step) / (10 + step))
        averaged = [*self.module.parameters(), *self.module.buffers()]
        current = [*module.parameters(), *module.buffers()]
        pairs = [(a, c) for a, c in zip(averaged, current, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in pairs], [c.detach() for _, c in pairs], 1.0 - decay)


def learning_rate(peak: float, fraction: float, warmup: float) -> float:
    """Linear warm-up over the first `warmup` of the budget, then a cosine to zero at its end."""
    if fraction < warmup:
        return peak * max(fraction, 1e-3) / warmup
    return peak * 0.5 * (1.0 + math.cos(math.pi * (fraction - warmup) / (1.0 - warmup)))


def save_atomically(state: Mapping[str, Any], path: Path) -> None:
    """Writes with `torch.save` beside `path`, then renames: a killed process leaves the old file or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(dict(state), partial)
    os.replace(partial, path)


def freeze_world(folder: Path, fingerprint: str) -> None:
    """Notes the world's fingerprint in the run folder, or raises `RuntimeError` when another one is noted."""
    note = folder / "world.txt"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(fingerprint + "\n", encoding="utf-8")
    noted = note.read_text(encoding="utf-8").strip()
    if noted != fingerprint:
        raise RuntimeError(
            f"The world changed: {folder} was started with fingerprint {noted}, the world's is now {fingerprint}. "
            "Restore the world's files, or start another run folder."
        )


def prepare(options: Options) -> None:
    """Sets the number of threads; denormal floats count as zero, which keeps small activations fast."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    options.folder.mkdir(parents=True, exist_ok=True)


def share_gradients(module: nn.Module, seconds: float, processes: int) -> float:
    """Averages the gradients, and the training seconds, over the processes; returns the seconds."""
    if processes == 1:
        return seconds
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor([seconds])])
    distributed.all_reduce(flat)
    flat /= processes
    parts = torch.split(flat[:-1], [g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return float(flat[-1])


def in_processes(work: Callable[[Options], None], options: Options) -> None:
    """Runs `work` in `options.processes` processes of one batch each, which share their gradients.

    Where nets are small this uses CPU cores better than threads do: they meet once a step, not in every operation.
    """
    if options.processes == 1:
        work(options)
        return
    meeting = options.folder / "processes"
    meeting.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    children = [
        context.Process(target=_join, args=(work, replace(options, rank=rank), meeting), daemon=True)
        for rank in range(1, options.processes)
    ]
    for child in children:
        child.start()
    _join(work, options, meeting)
    for child in children:
        child.join()


def _join(work: Callable[[Options], None], options: Options, meeting: Path) -> None:
    prepare(options)
    address = f"file://{meeting.resolve()}"
    distributed.init_process_group("gloo", init_method=address, rank=options.rank, world_size=options.processes)
    try:
        work(options)
    finally:
        distributed.destroy_process_group()


def train(recipe: Recipe, options: Options, say: Callable[[str], None] = print) -> nn.Module:
    """Trains `recipe.module` until the budget is spent, or goes on from the stage's checkpoint; returns the average.

    The checkpoint `<stage>.pt` holds weights, average, optimiser, step and training seconds.
    """
    path = options.folder / f"{recipe.name}.pt"
    average = Average(recipe.module, options.ema)
    optimizer = MuonAdamW(recipe.module, options.learning_rate, options.weight_decay)
    step, samples, seconds, budget = 0, 0, 0.0, _budget(options)

    if path.exists():
        state = torch.load(path, map_location=options.device, weights_only=True)
        recipe.module.load_state_dict(state["module"])
        average.module.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, samples, seconds = state["step"], state["samples"], state["seconds"]
        say(f"{recipe.name}: goes on at step {step} after {seconds / 60:.1f} min")
        if state["budget"] != budget:
            say(f"{recipe.name}: the budget changed from {state['budget']} to {budget}")

    def save() -> None:
        if options.rank > 0:
            return
        weights, averaged = recipe.module.state_dict(), average.module.state_dict()
        save_atomically(
            {"module": weights, "average": averaged, "optimizer": optimizer.state_dict(),
             "step": step, "samples": samples, "seconds": seconds, "budget": budget},
            path,
        )  # fmt: skip

    logs = options.folder / "tensorboard" / recipe.name if options.rank == 0 else tempfile.mkdtemp()
    writer = SummaryWriter(str(logs), purge_step=step)
    recipe.module.train()
    now = time.monotonic()
    printed, saved, reported = now, now, now
    samples_since, recent = 0, Recent()

    while (fraction := options.fraction(step, seconds)) < 1.0:
        started = time.monotonic()
        rate = learning_rate(options.learning_rate, fraction, options.warmup)
        loss, metrics = recipe.loss(step, fraction)
        loss.backward()  # type: ignore[no-untyped-call]
        seconds = share_gradients(recipe.module, seconds, options.processes)
        metrics["gradient_norm"] = float(nn.utils.clip_grad_norm_(recipe.module.parameters(), 1.0))
        optimizer.step(rate)
        average.update(recipe.module, step)
        step += 1
        samples += options.batch * options.processes
        samples_since += options.batch * options.processes
        recent.add({"loss": loss.item(), **metrics})
        now = time.monotonic()
        seconds += now - started

        if options.rank == 0 and now - printed >= options.print_seconds:
            means, speed = recent.means(), samples_since / (now - printed)
            remaining = (now - printed) / recent.count * (options.steps - step) if options.steps else None
            remaining = 60 * options.minutes - seconds if remaining is None else remaining
            say(_line(recipe.name, step, options.fraction(step, seconds), means, speed, remaining))
            for name, value in {**means, "samples_per_second": speed, "learning_rate": rate}.items():
                writer.add_scalar(name, value, step)
            printed, samples_since, recent = now, 0, Recent()
        if now - saved >= options.checkpoint_seconds:
            save()
            saved = now
        if options.rank == 0 and now - reported >= options.report_seconds:
            _report(recipe, average.module, options, step, writer, say)
            reported = printed = time.monotonic()
            samples_since, recent = 0, Recent()

    save()
    if options.rank == 0:
        _report(recipe, average.module, options, step, writer, say)
    writer.close()
    return average.module


class Recent:
    """Running means of the metrics since the last progress line."""

    def __init__(self) -> None:
        self.sums: Metrics = {}
        self.count = 0

    def add(self, metrics: Metrics) -> None:
        self.count += 1
        for name, value in metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def means(self) -> Metrics:
        return {name: value / max(1, self.count) for name, value in self.sums.items()}


@dataclass(frozen=True)
class Reached:
    """How far a stage has come: averaged weights, steps, samples seen, seconds spent."""

    weights: dict[str, Tensor]
    steps: int
    samples: int
    seconds: float


def reached(folder: Path, stage: str) -> Reached:
    """What `stage` has reached so far in this run folder; FileNotFoundError before its first checkpoint."""
    path = folder / f"{stage}.pt"
    if not path.exists():
        raise FileNotFoundError(f"No checkpoint at {path}: run the stage '{stage}' first.")
    state = torch.load(path, map_location="cpu", weights_only=True)
    return Reached(state["average"], state["step"], state["samples"], state["seconds"])


def _budget(options: Options) -> str:
    return f"{options.steps} steps" if options.steps is not None else f"{options.minutes:g} min"


def _line(name: str, step: int, fraction: float, means: Metrics, speed: float, remaining: float) -> str:
    numbers = " ".join(f"{key} {value:.4f}" for key, value in means.items())
    return f"{name} step {step} {100 * fraction:.1f} % {numbers} {speed:.1f} samples/s ETA {remaining / 60:.1f} min"


def _report(
    recipe: Recipe, averaged: nn.Module, options: Options, step: int, writer: SummaryWriter, say: Callable[[str], None]
) -> None:
    with torch.no_grad():
        metrics = recipe.report(averaged, options.folder, step)
    for name, value in metrics.items():
        writer.add_scalar(f"held_out/{name}", value, step)
    if metrics:
        say(f"{recipe.name} step {step} held out: " + " ".join(f"{k} {v:.4g}" for k, v in metrics.items()))
