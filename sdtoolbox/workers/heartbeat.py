"""The thread that says "I live" for a worker, and prolongs its hold on the job it has."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sdtoolbox.jobs.holding import Holding
from sdtoolbox.jobs.presence import Presence

log = logging.getLogger(__name__)
BEATS_PER_LEASE = 4


class Heartbeat:
    """Beats four times a lease until stopped; `lost` is set once the job in hand belongs to somebody else."""

    def __init__(
        self, presence: Presence, worker_id: str, lease_seconds: float, on_beat: Callable[[], None] | None = None
    ) -> None:
        self.lost = threading.Event()
        self.worker_id = worker_id
        self._presence = presence
        self._interval = lease_seconds / BEATS_PER_LEASE
        self._on_beat = on_beat
        self._holding: Holding | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {worker_id}", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating; returns when the thread has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def keeping(self, holding: Holding) -> Iterator[None]:
        """Renew this job's lease until the block ends."""
        self.lost.clear()
        self._holding = holding
        try:
            yield
        finally:
            self._holding = None

    def _run(self) -> None:
        self._presence.database.relax()
        while not self._stopped.wait(self._interval):
            try:
                self._beat()
            except sqlite3.OperationalError as error:  # locked for long, or no room: the next beat may get through
                log.warning("heartbeat missed: %s", error)

    def _beat(self) -> None:
        self._presence.beat(self.worker_id)
        holding = self._holding
        if holding is not None and not holding.renew() and self._holding is holding:
            self.lost.set()
        if self._on_beat is not None:
            self._on_beat()
