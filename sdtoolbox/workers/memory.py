"""What this worker's engine holds in memory: published for every process to see, dropped when somebody asks."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time

from sdtoolbox.jobs.loaded import LoadedModels
from sdtoolbox.models.held import Held
from sdtoolbox.workers.parts import Models

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LOOKS = 0.5


class MemoryList:
    """Keeps a worker's rows in the table of loaded models as they are; safe to use from any thread."""

    def __init__(self, table: LoadedModels, worker_id: str, models: Models) -> None:
        self._table = table
        self._worker_id = worker_id
        self._models = models
        self._published: list[Held] | None = None
        self._lock = threading.Lock()
        self._looked = 0.0

    def publish(self) -> None:
        """Write what has changed since the last time, nothing if nothing has; no job fails for this list."""
        with self._lock:
            held = sorted(self._models.loaded(), key=lambda one: one.model_id)
            if held == self._published:
                return
            try:
                self._table.publish(self._worker_id, held)
            except sqlite3.OperationalError as error:  # locked for long, or no room: the next change says it too
                log.warning("the list of loaded models is out of date: %s", error)
            else:
                self._published = held

    def obey(self) -> None:
        """Drop what somebody wants dropped; looks into the table twice a second at most."""
        now = time.monotonic()
        if now - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = now
        for model_id in self._table.wanted_unloads(self._worker_id):
            self._models.unload(model_id)
