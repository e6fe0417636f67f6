"""Fixtures for everybody: tiny checkpoints with random weights, written once a session, nothing downloaded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Two or three test processes share a machine without fighting over its cores; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# A test must neither see nor touch the settings and the pictures of whoever runs it.
for name in [name for name in os.environ if name.startswith("SDTOOLBOX_")]:
    del os.environ[name]
os.environ["SDTOOLBOX_HOME"] = tempfile.mkdtemp(prefix="sdtoolbox-tests-")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder, to be named in `model_folders`: `checkpoints/tiny` (epsilon), `checkpoints/tiny-v` (v)."""
    from tests.tiny import write_checkpoint

    folder = tmp_path_factory.mktemp("models")
    write_checkpoint(folder / "checkpoints" / "tiny", "epsilon")
    write_checkpoint(folder / "checkpoints" / "tiny-v", "v_prediction", seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_models: Path) -> Path:
    """A diffusers folder of an SD 1 pipeline in miniature that predicts the noise; draws 64x64 in about 0.1 s."""
    return tiny_models / "checkpoints" / "tiny"


@pytest.fixture(scope="session")
def tiny_v_checkpoint(tiny_models: Path) -> Path:
    """As `tiny_checkpoint`, but predicting v, with a noise table that ends without any signal."""
    return tiny_models / "checkpoints" / "tiny-v"


@pytest.fixture(scope="module")  # while it is there an event loop runs in this thread, and no other can
def chromium() -> Iterator[Any]:
    """A real Chromium. Without one the tests are skipped, but not in CI, where that would hide them."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a browser at {CHROMIUM}")
        pytest.skip(f"there is no browser at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
