"""A queue in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Short leases and a short queue."""
    return Settings(home=tmp_path / "home", lease_seconds=0.2, queue_limit=20)


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    """An empty queue."""
    settings.make_folders()
    database = Database(settings.database)
    yield Queue(database, settings)
    database.close()
