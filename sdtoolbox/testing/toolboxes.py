"""A whole toolbox in a folder of its own: queue, store, worker and metadata are real, only the model is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdtoolbox.extensions import Extension
from sdtoolbox.settings import Settings
from sdtoolbox.testing import engine
from sdtoolbox.testing.checkpoint import write_checkpoint
from sdtoolbox.toolbox import Toolbox

SEAM = "SDTOOLBOX_TEST_ENGINE"


@contextmanager
def fake_toolbox(*registers: Callable[[Extension], Any], **settings: Any) -> Iterator[Toolbox]:
    """A `Toolbox` that draws with `GaussianModel`, in milliseconds, and is gone with its pictures when the block ends.

    `registers` are functions `register(ext)` of extensions; no other extension is loaded. `settings` are fields of
    `Settings`: with `safe_mode=False` and `extension_folders` files are loaded as in earnest. Whatever the checkpoint,
    the shipped ones too, it is the same model; `checkpoint="fake"` draws 16x16 pixels in 8 steps unless it is told
    otherwise. Not for two threads at a time: while the block lasts, every worker that this process starts has the same
    engine.

    >>> with fake_toolbox(my_extension.register) as toolbox:
    ...     result = toolbox.run("txt2img", prompt="a house", sampler="my_sampler")
    """
    with (
        TemporaryDirectory(prefix="sdtoolbox-testing-") as folder,
        fake_engine(),
        Toolbox.open(fake_settings(Path(folder), **settings)) as toolbox,
    ):
        for register in registers:
            extension = Extension(register.__module__.rpartition(".")[2])
            register(extension)
            toolbox.registries.merge(extension.draft)
        yield toolbox


def fake_settings(folder: Path, **settings: Any) -> Settings:
    """The settings of a toolbox with its home in `folder`, and the checkpoint "fake" in it; no extensions."""
    models = folder / "models"
    if not models.exists():
        write_checkpoint(models)
    given: dict[str, Any] = {"home": folder / "home", "model_folders": (models,), "safe_mode": True} | settings
    return Settings(**given)


@contextmanager
def fake_engine() -> Iterator[None]:
    """Until the block ends, workers of this process and its children draw with `GaussianModel`."""
    before = os.environ.get(SEAM)
    os.environ[SEAM] = engine.NAME
    try:
        yield
    finally:
        if before is None:
            del os.environ[SEAM]
        else:
            os.environ[SEAM] = before
