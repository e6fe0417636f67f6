"""The thread that reads models in the background to know them by their hashes, politely."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from sqlite3 import OperationalError

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.hashes import Hashes

log = logging.getLogger(__name__)
LOWEST_PRIORITY = 19
REST = 0.5  # seconds of rest for each second of reading: drives and cores are there for others first
SECONDS_BETWEEN_LOOKS = 10.0
SECONDS_A_ROUND = 60.0
KINDS = ("checkpoint", "lora", "vae", "embedding", "controlnet")


@dataclass(frozen=True, slots=True)
class Hashing:
    """How far the background is: the model that is being read, its share that has been, how many more wait."""

    name: str
    fraction: float
    waiting: int


class _Stopped(Exception):  # noqa: N818 - not an error
    """The thread was asked to end in the middle of a file."""


class HashingThread:
    """Computes the hashes that are missing, what was used last first, then what is newest."""

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes
        self._used: dict[str, None] = {}  # ids, the last one used last
        self._failed: set[tuple[str, int, int]] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.progress: Hashing | None = None

    def prefer(self, identity: str) -> None:
        """Say that a model was used now."""
        self._used.pop(identity, None)
        self._used[identity] = None

    def start(self, entries: Callable[[], Iterable[CatalogEntry]]) -> None:
        """Work until `stop`; `entries()` says what there is."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(entries,), name="hashes", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, in the middle of a file too."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, entries: Callable[[], Iterable[CatalogEntry]]) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        while not self._stop.is_set():
            try:
                if not self._round(entries()):
                    self._stop.wait(SECONDS_BETWEEN_LOOKS)
            except _Stopped:
                return
            except OperationalError:
                log.warning("a hash could not be kept", exc_info=True)
                self._stop.wait(SECONDS_BETWEEN_LOOKS)
            finally:
                self.progress = None

    def _round(self, entries: Iterable[CatalogEntry]) -> bool:
        """Read what waits, for a minute or so: then there may be other files. False if nothing waited."""
        wanted = [entry for entry in entries if entry.kind in KINDS and entry.state in ("ready", "incomplete")]
        missing = [entry for entry in self._hashes.without(wanted) if _version(entry) not in self._failed]
        waiting = {entry.id: entry for entry in sorted(missing, key=lambda entry: -entry.mtime_ns)}
        until = time.monotonic() + SECONDS_A_ROUND
        while waiting and time.monotonic() < until and not self._stop.is_set():
            used = next((identity for identity in reversed(list(self._used)) if identity in waiting), None)
            due = waiting.pop(used if used is not None else next(iter(waiting)))
            self._read(due, len(waiting))
        return bool(missing)

    def _read(self, due: CatalogEntry, waiting: int) -> None:
        try:
            self._hashes.computed(due, _Reading(self, due, waiting, self._stop))
        except UserError as error:  # gone or changed meanwhile: the next scan says what it is then
            log.info("no hash of %s: %s", due.name, error)
        if self._hashes.known(due) is None:  # or the file is newer than its entry
            self._failed.add(_version(due))


def _version(entry: CatalogEntry) -> tuple[str, int, int]:
    return entry.id, entry.size, entry.mtime_ns


class _Reading:
    def __init__(self, thread: HashingThread, entry: CatalogEntry, waiting: int, stop: threading.Event) -> None:
        self._thread, self._entry, self._waiting, self._stop = thread, entry, waiting, stop
        self._read = 0
        self._began = time.monotonic()

    def __call__(self, size: int) -> None:
        self._read += size
        share = min(1.0, self._read / max(1, self._entry.size))
        self._thread.progress = Hashing(self._entry.name, share, self._waiting)
        if self._stop.wait((time.monotonic() - self._began) * REST):
            raise _Stopped
        self._began = time.monotonic()
