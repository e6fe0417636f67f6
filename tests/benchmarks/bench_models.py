"""Loading, switching, stepping, adapters and memory: ours beside a plain diffusers pipeline, in one run.

python tests/benchmarks/bench_models.py [--rounds 3] [--threads 0] [--precision auto] [--tiny] [--only load,step]

Writes a full-size Stable Diffusion 1.5 with random weights into a temporary folder (4 GB, removed afterwards) and
prints a table. Both sides use the precision that our policy picks for this machine, unless --precision says fp16 or
fp32. Machines are noisy: each figure is a median, and each ratio compares neighbours in time. diffusers needs peft
for adapters; without it those cells stay empty.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sdtoolbox.engine import memory  # noqa: E402
from sdtoolbox.engine.devices import fast_bfloat16  # noqa: E402
from sdtoolbox.engine.manager import ModelManager  # noqa: E402
from sdtoolbox.engine.policy import DTYPES  # noqa: E402
from sdtoolbox.models.catalog import Catalog  # noqa: E402
from sdtoolbox.schema.adapters import Adapter  # noqa: E402
from sdtoolbox.settings import Settings  # noqa: E402
from tests.benchmarks import bench_sampling  # noqa: E402
from tests.benchmarks.full_size import FullSize, write_full_size, write_tiny  # noqa: E402
from tests.benchmarks.overhead import overhead  # noqa: E402

LAYOUTS = ("folder", "file")
SIDE, STEPS = 256, 2
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Bench:
    """The models, our manager over them, and how both sides are measured."""

    models: FullSize
    manager: ModelManager
    catalog: Catalog
    precision: str
    rounds: int

    @classmethod
    def open(cls, models: FullSize, precision: str, threads: int, rounds: int) -> Bench:
        """A manager with room for both checkpoints."""
        catalog = Catalog([models.folder.parent])
        settings = Settings(
            home=models.folder.parent / "home", device="cpu", threads=threads, precision=precision, model_memory_gb=64
        )
        return cls(models, ModelManager(catalog, settings), catalog, precision, rounds)

    def id_of(self, layout: str) -> str:
        """The catalog's id of a layout."""
        path = getattr(self.models, layout)
        return next(entry.id for entry in self.catalog if entry.path == path)

    def dtype(self) -> torch.dtype:
        """What our policy computes this model in."""
        with self.manager.lease(self.id_of("folder")) as model:
            return next(model._unet.parameters()).dtype  # type: ignore[no-any-return]


def theirs(models: FullSize, layout: str, dtype: torch.dtype) -> Any:
    """diffusers' pipeline, from either layout, offline."""
    options: dict[str, Any] = {"local_files_only": True, "safety_checker": None}
    kind = diffusers.StableDiffusionPipeline
    if layout == "folder":
        return kind.from_pretrained(models.folder, dtype=dtype, **options)
    return kind.from_single_file(str(models.file), config=str(models.folder), torch_dtype=dtype, **options)


def timed(work: Callable[[], Any]) -> float:
    """Seconds; what the work returns is let go of before the next one is measured."""
    start = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - start
    del kept
    gc.collect()
    return seconds


def row(what: str, ours: list[float], others: list[float], unit: str, digits: int = 2) -> None:
    """One line of the table: medians, and the median of the ratios of neighbours."""
    ratio = statistics.median(a / b for a, b in zip(ours, others, strict=True)) if others else None
    cells = [f"{statistics.median(values):.{digits}f} {unit}" if values else "" for values in (ours, others)]
    print(f"| {what} | {cells[0]} | {cells[1]} | {'' if ratio is None else f'{ratio:.2f}'} |", flush=True)


def bench_load(bench: Bench) -> None:
    """From files that are in the page cache to a model that can draw."""
    dtype = bench.dtype()
    for layout in LAYOUTS:
        identity = bench.id_of(layout)
        ours, others = [], []
        for _ in range(bench.rounds):
            bench.manager.unload(bench.id_of("folder"))
            bench.manager.unload(bench.id_of("file"))
            ours.append(timed(lambda identity=identity: _lease(bench, identity)))  # type: ignore[misc]
            bench.manager.unload(identity)
            others.append(timed(lambda layout=layout: theirs(bench.models, layout, dtype)))  # type: ignore[misc]
        row(f"load, {'diffusers folder' if layout == 'folder' else 'single file'}", ours, others, "s")


def _lease(bench: Bench, identity: str, adapters: tuple[Adapter, ...] = ()) -> None:
    with bench.manager.lease(identity, adapters):
        pass


def bench_switch(bench: Bench) -> None:
    """Back to a checkpoint that is still in memory; a plain pipeline has nothing like it."""
    both = [bench.id_of(layout) for layout in LAYOUTS]
    for identity in both:
        _lease(bench, identity)
    times = [1000 * timed(lambda k=k: _lease(bench, both[k % 2])) for k in range(40)]  # type: ignore[misc]
    row("switch back to a checkpoint in memory", times, [], "ms", 1)
    bench.manager.unload(both[1])


def bench_step(bench: Bench) -> None:
    """Steps with guidance, from noise to latents, without decoding."""
    with bench.manager.lease(bench.id_of("folder")) as model:
        kinds = {"bare": bench_sampling.bare, "ours": bench_sampling.ours, "diffusers": bench_sampling.theirs}
        runs = {name: make(model, STEPS, SIDE) for name, make in kinds.items()}
        times = bench_sampling.interleaved(runs, bench.rounds, STEPS, time.perf_counter)
    seconds = {name: [one / 1000 for one in values] for name, values in times.items()}
    row(f"step, {SIDE}x{SIDE}, guidance", seconds["ours"], seconds["diffusers"], "s")
    row("the same, beside the bare network call", seconds["ours"], seconds["bare"], "s")


def bench_lora(bench: Bench) -> None:
    """A LoRA of rank 16 on the 128 projections of all attentions: loading, attaching, and each step with it."""
    identity = bench.id_of("folder")
    lora = next(entry.id for entry in bench.catalog if entry.path == bench.models.lora)
    worn = (Adapter(adapter=lora),)
    _lease(bench, identity)
    first, again = [], []
    for _ in range(bench.rounds):
        bench.manager.unload(lora)
        first.append(timed(lambda: _lease(bench, identity, worn)))
        _lease(bench, identity)
        again.append(timed(lambda: _lease(bench, identity, worn)))
    plain, with_it = [], []
    for _ in range(bench.rounds):
        plain.append(timed(lambda: _predict(bench, identity, ())))
        with_it.append(timed(lambda: _predict(bench, identity, worn)))
    _lease(bench, identity)
    peft = _peft(bench, identity) if importlib.util.find_spec("peft") else {"load": [], "ratio": []}
    row("LoRA: load and attach", first, peft["load"], "s", 3)
    row("LoRA: attach again", again, [], "s", 3)
    row("LoRA: step with it / without it", [a / b for a, b in zip(with_it, plain, strict=True)], peft["ratio"], "×", 3)


def _predict(bench: Bench, identity: str, worn: tuple[Adapter, ...]) -> None:
    with bench.manager.lease(identity, worn) as model:
        x = model.noise([1], SIDE, SIDE).initial()
        conditions = [model.encode("a house"), model.encode("")]
        model.predict(x, 1.0, conditions)


@torch.no_grad()
def _peft(bench: Bench, identity: str) -> dict[str, list[float]]:
    """The same file in diffusers, on the same networks; times of loading, ratios of steps."""
    found: dict[str, list[float]] = {"load": [], "ratio": []}
    with bench.manager.lease(identity) as model:
        pipeline = bench_sampling.pipeline_of(model)
        call = bench_sampling.bare(model, 1, SIDE)
        for _ in range(bench.rounds):
            plain = timed(call)
            found["load"].append(timed(lambda: pipeline.load_lora_weights(str(bench.models.lora))))
            found["ratio"].append(timed(call) / plain)
            pipeline.unload_lora_weights()
    return found


def bench_memory(bench: Bench) -> None:
    """The most memory that a process takes while it loads, above what it takes with everything imported."""
    for precision in (bench.precision, *(["fp16"] if bench.precision != "fp16" else [])):
        for layout in LAYOUTS:
            peaks = {side: _peak(bench, side, layout, precision) for side in ("ours", "diffusers")}
            size = peaks["ours"]["weights"]
            kind = "folder" if layout == "folder" else "file"
            what = f"peak memory, {kind}, {peaks['ours']['dtype']}"
            row(what, *([peaks[side]["peak"] / GIB] for side in peaks), "GiB")  # type: ignore[misc]
            row(f"{what}, × the weights' size", *([peaks[side]["peak"] / size] for side in peaks), "×")  # type: ignore[misc]


def _peak(bench: Bench, side: str, layout: str, precision: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--peak", side, layout, "--root", str(bench.models.folder.parent)]
    threads = ["--threads", str(torch.get_num_threads()), "--precision", precision]
    run = subprocess.run([*command, *threads], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def print_peak(side: str, layout: str, bench: Bench) -> None:
    """In a process of its own: load once, and say how far the memory of the process rose."""
    dtype = DTYPES.get(bench.precision) or (torch.bfloat16 if fast_bfloat16() else torch.float32)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    kept: Any
    if side == "ours":
        with bench.manager.lease(bench.id_of(layout)) as kept:
            pass
        networks = list(kept._components.networks.values())
    else:
        kept = theirs(bench.models, layout, dtype)
        networks = [kept.unet, kept.vae, kept.text_encoder]
    peak = _status("VmHWM") - before
    weights = sum(memory.footprint(networks).values())
    print(json.dumps({"peak": peak, "weights": weights, "dtype": str(next(networks[0].parameters()).dtype)[6:]}))


def _status(name: str) -> int:
    """Bytes of a line of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def bench_overhead(bench: Bench) -> None:
    """What our loop adds to each network call, with previews and cancelling as a worker does them."""
    with tempfile.TemporaryDirectory(prefix="sdtoolbox-overhead-") as folder:
        steps, previews = overhead(Path(folder), rounds=5 * bench.rounds)
    row("our loop, a step without the network, previews and cancelling on", steps, [], "ms", 3)
    row("one preview, at most every 0.3 s", previews, [], "ms", 3)


PARTS: dict[str, Callable[[Bench], None]] = {
    "memory": bench_memory,
    "load": bench_load,
    "switch": bench_switch,
    "overhead": bench_overhead,
    "step": bench_step,
    "lora": bench_lora,
}


def main() -> None:
    """Write the models, measure, remove them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", default="auto", choices=["auto", *DTYPES])
    parser.add_argument("--tiny", action="store_true", help="a miniature instead: only to try the script")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--root", type=Path, help="models that are there already")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "LAYOUT"), help="used by the script itself")
    options = parser.parse_args()
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory(prefix="sdtoolbox-bench-") as temporary:
        root = options.root or Path(temporary)
        write = write_tiny if options.tiny else write_full_size
        models = FullSize.at(root) if options.root else write(root)
        bench = Bench.open(models, options.precision, options.threads, options.rounds)
        if options.peak:
            print_peak(*options.peak, bench)
            return
        print(f"{bench.manager._device.processor}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
              f"diffusers {diffusers.__version__}, {str(bench.dtype())[6:]}")  # fmt: skip
        print("| | sdtoolbox | diffusers | ratio |\n|---|---|---|---|")
        for name in options.only.split(","):
            if not (options.tiny and name == "lora"):  # no family of networks has adapters so small
                PARTS[name](bench)


if __name__ == "__main__":
    main()
