"""An engine for tests: pixels from the hash of the request, a millisecond a step, no torch.

`SDTOOLBOX_TEST_ENGINE=tests.workers.fake_engine:make` puts it into a worker process. A word at the start of the prompt
makes it misbehave; see `MISBEHAVIOUR`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.models.held import Held
from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.registry import Registry
from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.inpaint import Erase, Inpaint
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.testing.checkpoint import write_checkpoint
from sdtoolbox.workers.parts import Parts

NAME = "tests.workers.fake_engine:make"
STEP_SECONDS = 0.001


def _hold_every_thread_up() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")  # does not let go of the interpreter, for hours


def _user_error() -> None:
    raise UserError("NUMERIC", "the picture came out as nothing.", "Try another seed.", "seed")


def _bug() -> None:
    raise ZeroDivisionError("a secret of /home/somebody")


def _memory() -> None:
    raise MemoryError


def _exit() -> None:
    raise SystemExit(3)


MISBEHAVIOUR = {
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: time.sleep(3600),
    "freeze": _hold_every_thread_up,
    "error": _user_error,
    "bug": _bug,
    "memory": _memory,
    "exit": _exit,
}


def draw(request: Drawing, ctx: TaskContext) -> Iterator[Drawn]:
    """Any drawing task: the stages and calls of a real one, and pixels that depend on the request alone."""
    word = request.prompt.split(" ")[0]
    seconds = 0.02 if word == "slow" else STEP_SECONDS
    assert request.steps and request.checkpoint and request.width and request.height
    total = request.batch_count * request.batch_size
    with ctx.lease(request.checkpoint):
        ctx.environment |= {"device": "fake", "checkpoint": {"name": "fake", "sha256": "f" * 64}}
        ctx.stage("encoding", pictures_total=total)
        for first in range(0, total, request.batch_size):
            batch = request.model_copy(update={"seed": request.seed + first, "batch_count": 1})
            ctx.stage("sampling", picture=first, pictures_total=total, work=request.steps)
            for i in range(request.steps):
                time.sleep(seconds)
                if i == 2 and word in MISBEHAVIOUR:
                    MISBEHAVIOUR[word]()
                if ctx.wants_preview():
                    ctx.preview(picture(batch, 0))
                ctx.step((i + 1) / request.steps, step=i + 1, steps=request.steps)
            ctx.stage("decoding", picture=first, pictures_total=total)
            for index in range(request.batch_size):
                yield Drawn(picture(batch, index), batch.seed + index, batch, index)


def erase(request: Erase, ctx: TaskContext) -> Iterator[Drawn]:
    """The task without a model: the picture as it is, with a seam and a report as samplers make them."""
    assert request.image
    ctx.stage("restoring")
    yield Drawn(ctx.picture(request.image).picture(), 0, request, 0, measured={"seam": 1.25, "steps_taken": 12.0})


def picture(batch: Drawing, index: int) -> Image.Image:
    """Noise drawn from a hash of the request; no two requests share a pixel."""
    text = json.dumps(batch.model_dump(exclude={"checkpoint"}), sort_keys=True) + str(index)
    noise = random.Random(hashlib.sha256(text.encode()).digest())
    size = (batch.width or 16, batch.height or 16)
    return Image.frombytes("RGB", size, noise.randbytes(size[0] * size[1] * 3))


class FakeModels:
    """Owner of no weights."""

    device = "fake"

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._held: dict[str, Held] = {}

    @contextmanager
    def lease(self, checkpoint_id: str, adapters: Any = (), vae: Any = None, on_loading: Any = None) -> Iterator[None]:
        """Load at the first call, which is told; hand out nothing."""
        if checkpoint_id not in self._held and on_loading is not None:
            on_loading()
        try:
            self._hold(checkpoint_id, leased=True)
            yield None
        finally:
            self._hold(checkpoint_id, leased=False)

    def loaded(self) -> list[Held]:
        """What was leased before."""
        return list(self._held.values())

    def watch_memory(self) -> Callable[[], int]:
        """Always the same."""
        return lambda: 5_000_000

    def unload(self, model_id: str) -> None:
        """Forget it."""
        self._held.pop(model_id, None)
        self.on_change()

    def _hold(self, checkpoint_id: str, *, leased: bool) -> None:
        self._held[checkpoint_id] = Held(checkpoint_id, "fake", 1000, leased)
        self.on_change()


def make(parts: Parts) -> FakeModels:
    """The engine, and `draw` and `erase` in place of the real tasks of the same names."""
    extension = Extension("fake engine")
    for request in (Txt2Img, Img2Img, Inpaint):
        extension.task(request, draw)
    extension.task(Erase, erase)
    parts.registries.tasks = Registry("task")
    parts.registries.merge(extension.draft)
    return FakeModels()


def fake_settings(folder: Path) -> Settings:
    """A home in `folder` with the checkpoint "fake", no extensions, leases of a second."""
    write_checkpoint(folder / "models")
    return Settings(home=folder / "home", model_folders=(folder / "models",), safe_mode=True, lease_seconds=1)
