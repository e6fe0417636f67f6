"""Who is here to do jobs: any process can look, and tell the living from the dead."""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdtoolbox.database import Database
from sdtoolbox.jobs.lock import ProcessLock, is_held

STARTING = "starting"
"""The device of a worker that is still importing its engine."""

# Heartbeats of dead strangers on other machines are kept for so many leases before their row goes.
FORGET_AFTER_LEASES = 10


@dataclass(frozen=True, slots=True)
class Present:
    """One row: a worker, its device, its process, and when it was last heard of (seconds since the epoch)."""

    id: str
    device: str
    pid: int
    seen: float


def new_worker_id(kind: Literal["worker", "inline"]) -> str:
    """An id never used before. A "worker" takes any job; an "inline" one only jobs reserved for it."""
    return f"{kind}/{socket.gethostname()}/{secrets.token_hex(8)}"


class Presence:
    """The table of workers. On this machine a lock says who lives; for others the heartbeat has to do."""

    def __init__(self, database: Database, folder: Path, lease_seconds: float) -> None:
        self.database = database
        self._folder = folder
        self._lease_seconds = lease_seconds
        self._locks: dict[str, ProcessLock] = {}

    def enter(self, worker_id: str, device: str) -> None:
        """Register a worker of this process; RuntimeError if one with this id is there already."""
        lock = ProcessLock(self._lock_file(worker_id))
        if not lock.acquire():
            raise RuntimeError(f"there is a worker {worker_id} already")
        self._locks[worker_id] = lock
        self.database.connection().execute(
            "INSERT OR REPLACE INTO workers (id, device, pid, seen) VALUES (?, ?, ?, ?)",
            (worker_id, device, os.getpid(), time.time()),
        )

    def beat(self, worker_id: str, device: str | None = None) -> None:
        """Say that a worker is alive, and what its device turned out to be."""
        self.database.connection().execute(
            "UPDATE workers SET seen = ?, device = COALESCE(?, device) WHERE id = ?", (time.time(), device, worker_id)
        )

    def leave(self, worker_id: str) -> None:
        """Take a worker of this process off the list."""
        self.database.connection().execute("DELETE FROM workers WHERE id = ?", (worker_id,))
        if (lock := self._locks.pop(worker_id, None)) is not None:
            lock.release()

    def find(self, worker_id: str) -> Present | None:
        """The row of a worker, or None."""
        row = self.database.connection().execute("SELECT * FROM workers WHERE id = ?", (worker_id,)).fetchone()
        return None if row is None else Present(**dict(row))

    def is_alive(self, worker_id: str) -> bool:
        """Whether this worker still runs. A hung one is alive here: its lease runs out instead."""
        present = self.find(worker_id)
        return present is not None and self._is_alive(present)

    def live(self) -> list[Present]:
        """The living workers that take any job, those still starting too."""
        rows = self.database.connection().execute("SELECT * FROM workers WHERE id LIKE 'worker/%' ORDER BY id")
        return [present for row in rows.fetchall() if self._is_alive(present := Present(**dict(row)))]

    def forget_dead(self) -> None:
        """Remove the rows and locks of workers that are gone."""
        rows = self.database.connection().execute("SELECT * FROM workers").fetchall()
        for present in (Present(**dict(row)) for row in rows):
            silent = time.time() - present.seen
            if not self._is_alive(present) and (self._is_here(present) or silent > self._forget_after):
                self.database.connection().execute("DELETE FROM workers WHERE id = ?", (present.id,))
                self._lock_file(present.id).unlink(missing_ok=True)

    @property
    def _forget_after(self) -> float:
        return FORGET_AFTER_LEASES * self._lease_seconds

    def _is_alive(self, present: Present) -> bool:
        if self._is_here(present):
            return is_held(self._lock_file(present.id))
        return time.time() - present.seen < self._lease_seconds

    def _is_here(self, present: Present) -> bool:
        return present.id.split("/")[1] == socket.gethostname()

    def _lock_file(self, worker_id: str) -> Path:
        return self._folder / f"{worker_id.replace('/', '.')}.lock"
