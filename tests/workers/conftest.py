"""A toolbox on the fake engine, in this process and in its worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.workers import fake_engine

Submit = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own with the checkpoint "fake", on the fake engine."""
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", fake_engine.NAME)
    return fake_engine.fake_settings(tmp_path)


@pytest.fixture
def toolbox(settings: Settings) -> Iterator[Toolbox]:
    """An open toolbox without workers."""
    with Toolbox.open(settings) as opened:
        yield opened


@pytest.fixture
def submit(toolbox: Toolbox) -> Submit:
    """Queue a job for the fake checkpoint."""

    def submit(prompt: str = "", **values: Any) -> str:
        return toolbox.submit(toolbox.parse("txt2img", {"prompt": prompt, "checkpoint": "fake", "seed": 1} | values))

    return submit
