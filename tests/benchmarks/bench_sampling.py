"""What a step costs above the bare network: our loop against diffusers' own pipeline, interleaved.

python tests/benchmarks/bench_sampling.py [--rounds 15] [--steps 20] [--threads 1] [FOLDER …]

FOLDER is a diffusers folder of a Stable Diffusion 1 checkpoint; without one a tiny random checkpoint is drawn with,
and the built-in one where it is there. Machines are noisy: believe the ratios, which compare neighbours in time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sdtoolbox.engine.diffusion import LatentDiffusion  # noqa: E402
from sdtoolbox.engine.manager import ModelManager  # noqa: E402
from sdtoolbox.models.catalog import Catalog  # noqa: E402
from sdtoolbox.protocols import ScheduleInfo  # noqa: E402
from sdtoolbox.registered import SamplerInfo  # noqa: E402
from sdtoolbox.samplers.euler import euler  # noqa: E402
from sdtoolbox.samplers.guidance import classifier_free  # noqa: E402
from sdtoolbox.samplers.schedules import uniform  # noqa: E402
from sdtoolbox.schema.txt2img import Txt2Img  # noqa: E402
from sdtoolbox.settings import Settings  # noqa: E402
from sdtoolbox.tasks.diffusion import Batch, Denoisers, noise_levels, sample  # noqa: E402

PROMPT = "a big red house in a meadow"
SCALE = 5.0


class Listener:
    """A context that wants nothing: what reporting costs belongs to the worker."""

    def __init__(self) -> None:
        self.registries = self
        self.samplers = {"euler": SamplerInfo(euler)}
        self.schedules = {"uniform": ScheduleInfo(uniform)}

    def stage(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    step = preview = check_cancelled = stage

    def wants_preview(self) -> bool:
        """Never."""
        return False


class Named(dict[str, Any]):
    """A registry in miniature."""

    def get(self, name: str, _field: str | None = None) -> Any:  # type: ignore[override]
        """An entry with a value."""
        return argparse.Namespace(value=self[name], label=name, owner="sdtoolbox")


def ours(model: LatentDiffusion, steps: int, side: int) -> Callable[[], Any]:
    """Our loop as the task runs it, from noise to latents."""
    ctx: Any = Listener()
    ctx.samplers, ctx.schedules = Named(ctx.samplers), Named(ctx.schedules)
    request = Txt2Img(width=side, height=side, steps=steps, sampler="euler", schedule="uniform", seed=1)
    denoise = classifier_free(model.encode(PROMPT), model.encode(""), SCALE)(model.predict)

    def cancellable(x: torch.Tensor, sigma: float) -> torch.Tensor:
        ctx.check_cancelled()
        return denoise(x, sigma)

    def run() -> Any:
        sigmas = noise_levels(model, request, ctx)
        noise = model.noise([1], side, side)
        x = noise.initial() * sigmas[0]
        latents, _ = sample(
            model, Batch(request, 0, 1), ctx, denoisers=Denoisers(cancellable, None), sigmas=sigmas, noise=noise, x=x
        )
        return latents

    return run


def theirs(model: LatentDiffusion, steps: int, side: int) -> Callable[[], Any]:
    """The pipeline of diffusers over the same networks, from noise to latents."""
    pipeline = pipeline_of(model)
    prompts = {
        "prompt_embeds": model.encode(PROMPT).chunks,
        "negative_prompt_embeds": model.encode("").chunks,
    }
    options = {"guidance_scale": SCALE, "num_inference_steps": steps, "height": side, "width": side}
    return lambda: pipeline(**prompts, **options, output_type="latent", generator=torch.Generator().manual_seed(1))


def pipeline_of(model: LatentDiffusion) -> Any:
    """The pipeline of diffusers over the networks of a model."""
    parts = model._components
    scheduler = diffusers.EulerDiscreteScheduler.from_config(dict(parts.scheduler), timestep_spacing="linspace")
    pipeline = diffusers.StableDiffusionPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def bare(model: LatentDiffusion, steps: int, side: int) -> Callable[[], Any]:
    """The network calls and nothing else."""
    x = model.noise([1, 2], side, side).initial()
    context = model._text.context([model.encode(PROMPT), model.encode("")], 1)

    @torch.no_grad()
    def run() -> None:
        for i in range(steps):
            model._unet(x, float(i), context, return_dict=False)

    return run


def measure(folder: Path, rounds: int, steps: int, threads: int) -> None:
    """Print medians of the milliseconds a step with the network, and of the loops with the network taken out."""
    catalog = Catalog([folder.parent])
    checkpoint = next(entry for entry in catalog if entry.path == folder)
    manager = ModelManager(catalog, Settings(home=folder, threads=threads, device="cpu"))
    side = int(checkpoint.defaults["width"])
    kinds = {"bare": bare, "ours": ours, "diffusers": theirs}
    with manager.lease(checkpoint.id) as model:
        runs = {name: make(model, steps, side) for name, make in kinds.items()}
        print(f"{checkpoint.name}, {side}x{side}, {steps} steps, guidance, {torch.get_num_threads()} threads")
        _print(interleaved(runs, rounds, steps, time.perf_counter), "bare", "ms a step")
        model._unet.forward = lambda x, *_, **__: (x * 0.5,)
        _print(interleaved(runs, rounds, steps, time.process_time), "diffusers", "CPU ms a step without the network")


def interleaved(
    runs: dict[str, Callable[[], Any]], rounds: int, steps: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Milliseconds a step of each, round after round; the first round warms up and does not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(rounds + 1):
        for name, run in runs.items():
            start = clock()
            run()
            if round_:
                times[name].append((clock() - start) / steps * 1000)
    return times


def _print(times: dict[str, list[float]], reference: str, unit: str) -> None:
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, times[reference], strict=True))
        print(f"  {name:10} {statistics.median(values):8.3f} {unit}, {ratio:6.3f} x {reference}")


def main() -> None:
    """Measure each folder named on the command line, or those we have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = options.folders
        if not folders:
            from tests.tiny import write_checkpoint

            write_checkpoint(Path(temporary) / "tiny")
            builtin = ROOT / "assets" / "models" / "checkpoints" / "storybook"
            folders = [Path(temporary) / "tiny", *([builtin] if (builtin / "model_index.json").is_file() else [])]
        for folder in folders:
            measure(folder, options.rounds, options.steps, options.threads)


if __name__ == "__main__":
    main()
