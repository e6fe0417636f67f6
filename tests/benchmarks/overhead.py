"""What our loop costs besides the network, measured in the worker's own context on a real queue."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import Any

from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import new_worker_id
from sdtoolbox.jobs.timings import Timings
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.tasks import diffusion
from sdtoolbox.workers.context import JobContext
from sdtoolbox.workers.history import History
from sdtoolbox.workers.parts import Parts
from sdtoolbox.workers.progress import Progress
from tests.tiny import write_checkpoint

STEPS = 500


def overhead(folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds a step of everything but the network call, and milliseconds of one preview; one figure a round.

    The network is replaced by a multiplication. What is left: sampler, guidance, noise, a look whether somebody has
    cancelled, and at most every 0.3 s the progress and a preview, in the database for everybody to see.
    """
    write_checkpoint(folder / "models" / "checkpoints" / "tiny")
    parts = Parts.open(Settings(home=folder / "home", model_folders=(folder / "models",), device="cpu", safe_mode=True))
    manager = ModelManager(parts.catalog, parts.settings)
    request = Txt2Img(checkpoint="tiny", width=64, height=64, steps=STEPS, sampler="euler", schedule="karras", seed=1,
                      guidance_scale=5.0)  # fmt: skip
    worker = new_worker_id("worker")
    parts.queue.presence.enter(worker, "cpu")
    steps, previews = [], []
    with manager.lease("tiny") as model:
        model._unet.forward = lambda x, *_, **__: (x * 0.5,)
        for round_ in range(rounds + 1):
            seconds, preview = _draw(parts, manager, model, request, worker)
            if round_:  # the first round warms up
                steps.append(1000 * seconds / STEPS)
                previews.append(1000 * preview)
    parts.queue.presence.leave(worker)
    parts.database.close()
    return steps, previews


def _draw(parts: Parts, manager: ModelManager, model: Any, request: Txt2Img, worker: str) -> tuple[float, float]:
    parts.queue.submit(request)
    job = parts.queue.claim(worker)
    assert job is not None
    holding = Holding(parts.queue, job, worker)
    progress = Progress(request, History(Timings(parts.database), request, "cpu"))
    ctx = JobContext(parts, holding, manager, progress, Event())
    sigmas = diffusion.noise_levels(model, request, ctx)
    denoisers = diffusion.guided(model, request, ctx, sigmas)
    noise = model.noise([1], 64, 64)
    (batch,) = diffusion.batches(request)
    x = noise.initial() * sigmas[0]
    start = time.perf_counter()
    diffusion.sample(model, batch, ctx, denoisers=denoisers, sigmas=sigmas, noise=noise, x=x)
    between = time.perf_counter()
    ctx._shown = 0.0  # however lately the last one was shown
    ctx.preview(model.preview(x))
    end = time.perf_counter()
    holding.cancelled()
    return between - start, end - between
