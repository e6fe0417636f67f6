"""Keeps the worker processes alive, and their jobs safe when they are not. A thread of the web process; no torch."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time

from sdtoolbox.jobs.presence import STARTING
from sdtoolbox.jobs.recovery import Recovery
from sdtoolbox.workers.child import Child
from sdtoolbox.workers.parts import Parts

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
SWEEP_SECONDS = 1.0
CANCEL_GRACE_SECONDS = 10.0
"""A cancelled job that goes on for so long costs its worker's life: an operation in it does not return."""
STARTING_SECONDS = 180.0
"""Importing torch from a cold disk may hold every Python thread up for long."""
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.25, 30.0
HEALTHY_SECONDS = 20.0
"""A worker that lived for so long was no failure to start: the next one comes at once."""
STOP_SECONDS = 3.0
RECONCILE_AFTER_SECONDS = 65.0
"""The store spares half-written files younger than a minute: somebody may be writing them."""


class Slot:
    """A place for one worker, filled again after each death, later and later while they die young."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.child: Child | None = None
        self.deaths = 0
        self.start_at = 0.0

    def bury(self, now: float) -> None:
        """The child is dead: say when the next one may start."""
        if self.child is not None and now - self.child.began > HEALTHY_SECONDS:
            self.deaths = 0
        back_off = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2**self.deaths)
        self.start_at = now + back_off
        self.deaths += 1
        self.child = None


class Supervisor:
    """Starts workers, restarts the dead, kills the hung, and settles the jobs they leave behind."""

    def __init__(self, parts: Parts, count: int = 1, cancel_grace: float = CANCEL_GRACE_SECONDS) -> None:
        self._parts = parts
        self._presence = parts.queue.presence
        self._recovery = Recovery(parts.queue)
        self._slots = [Slot(f"worker-{number}") for number in range(1, count + 1)]
        self._cancel_grace = cancel_grace
        self._cancelled_since: dict[str, float] = {}
        self._next_sweep = self._last_look = 0.0
        self._reconcile_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin: first settle what the last server left, then start the workers. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let the workers put their jobs back and leave, kill those that do not; no child is left afterwards."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether it has been started and not been stopped: a worker is here or will come back."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def children(self) -> list[Child]:
        """The worker processes that run now."""
        return [slot.child for slot in self._slots if slot.child is not None]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look(time.monotonic())
            except sqlite3.OperationalError as error:  # locked for long, or no room: the next look may get through
                log.error("the queue cannot be used just now: %s", error)
            except OSError as error:
                log.error("a worker cannot be started: %s", error)
                self._stopping.wait(1)
            self._stopping.wait(LOOK_SECONDS)
        self._dismiss_all()

    def _look(self, now: float) -> None:
        # After a pause of this very process (a closed laptop) everybody's heartbeat is old: give them a moment.
        was_away = now - self._last_look > 1 + self._parts.settings.lease_seconds / 2 and self._last_look > 0
        self._last_look = now
        if was_away:
            self._next_sweep = now + self._parts.settings.lease_seconds / 2
        for slot in self._slots:
            self._look_at(slot, now)
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._kill_hung()
            self._kill_deaf(now)
            self._recovery.sweep()
            self._presence.forget_dead()
        if now >= self._reconcile_at:
            self._reconcile_at = float("inf")
            self._parts.store.reconcile()

    def _look_at(self, slot: Slot, now: float) -> None:
        if slot.child is not None and (death := slot.child.death()) is not None:
            log.warning("%s (process %d) died: %s", slot.name, slot.child.pid, death)
            self._recovery.sweep({slot.child.id: death})
            slot.bury(now)
            self._presence.forget_dead()
            self._reconcile_at = now + RECONCILE_AFTER_SECONDS
        if slot.child is None and now >= slot.start_at and not self._stopping.is_set():
            if self._next_sweep == 0.0:
                self._recovery.sweep()  # what the last server left comes first
            slot.child = Child(self._parts.settings, slot.name)
            log.info("%s is process %d", slot.name, slot.child.pid)

    def _kill_hung(self) -> None:
        for child in self.children():
            present = self._presence.find(child.id)
            if present is None:
                continue  # still before its first line, or just leaving
            patience = STARTING_SECONDS if present.device == STARTING else 1.5 * self._parts.settings.lease_seconds
            if time.time() - present.seen > patience:
                child.kill("it did not answer any more")

    def _kill_deaf(self, now: float) -> None:
        rows = self._parts.database.connection().execute(
            "SELECT id, worker FROM jobs WHERE state = 'running' AND cancel_requested = 1"
        )
        cancelled = {row["id"]: row["worker"] for row in rows.fetchall()}
        since = {job_id: self._cancelled_since.get(job_id, now) for job_id in cancelled}
        self._cancelled_since = since
        deaf = {cancelled[job_id] for job_id, began in since.items() if now - began > self._cancel_grace}
        for child in self.children():
            if child.id in deaf:
                child.kill("it did not react to cancelling")

    def _dismiss_all(self) -> None:
        children = self.children()
        for child in children:
            child.ask_to_leave()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            if not child.wait(max(0.0, deadline - time.monotonic())):
                child.kill("it did not leave when the server stopped")
                child.wait(STOP_SECONDS)
        if children:
            self._recovery.sweep({child.id: child.cause for child in children if child.cause})
            self._presence.forget_dead()
