"""A run folder with a few small drawn pictures."""

from pathlib import Path

import pytest

from sdtoolbox.training.restore import leaves, pool
from sdtoolbox.training.run import Options


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 208 pixels instead of 512, one of them held out."""
    monkeypatch.setattr(leaves, "SIZE", 208)
    monkeypatch.setattr(leaves, "_DRAWN", 416)
    monkeypatch.setattr(pool, "HELD_OUT", 1)


@pytest.fixture
def options(small: None, tmp_path: Path) -> Options:
    """Options whose run folder holds three pictures."""
    pool.draw_pool(tmp_path, seed=0, count=3, processes=1, say=lambda line: None)
    return Options(tmp_path, steps=4, batch=2, learning_rate=2e-3)
