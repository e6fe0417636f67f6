"""Looking through the model folders, in the background or at once; only what is new or changed is opened."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from sqlite3 import OperationalError

from sdtoolbox.models.added import AddedArchitectures, of_file
from sdtoolbox.models.describing import describe
from sdtoolbox.models.index import Index, Record
from sdtoolbox.models.scan import find_models

log = logging.getLogger(__name__)
BATCH = 500  # entries a transaction: the queue, which shares the database, never waits long
SECONDS_BETWEEN_BATCHES = 1.0  # a slow drive shows what it has found so far
SECONDS_BETWEEN_SCANS = 120.0

Marks = Callable[[Path], Mapping[str, str]]
"""The marks of what is known of a folder, by id."""


class Scanner:
    """Brings the index up to date with the folders."""

    def __init__(
        self, folders: Sequence[Path], index: Index, marks: Marks, added: AddedArchitectures | None = None
    ) -> None:
        self._folders = tuple(folders)
        self._index = index
        self._marks = marks
        self._added = added or AddedArchitectures()
        self._busy = threading.Lock()  # one scan at a time: two would do the same work twice
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def scanning(self) -> bool:
        """Whether a scan is under way."""
        return self._busy.locked()

    def scan(self, folders: Sequence[Path] | None = None, seconds: float | None = None) -> None:
        """Look through some folders, or all of them; after so many seconds no further."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with self._busy:
            for folder in self._folders if folders is None else folders:
                self._scan(folder, deadline)

    def _scan(self, folder: Path, deadline: float | None) -> None:
        before = self._marks(folder)
        present: set[str] = set()
        batch: list[Record] = []
        written = time.monotonic()
        for found in find_models(folder):
            if self._stop.is_set() or (deadline is not None and time.monotonic() > deadline):
                self._put(folder, batch)
                return  # half a look does not tell what has gone
            if found.id in present:
                continue  # two links to one file
            present.add(found.id)
            if of_file(before.get(found.id, "")) != found.mark:
                entry = describe(found, self._added)
                batch.append(Record(entry, self._added.mark(entry, found.mark), os.fsencode(found.path)))
            if len(batch) >= BATCH or (batch and time.monotonic() - written > SECONDS_BETWEEN_BATCHES):
                self._put(folder, batch)
                batch, written = [], time.monotonic()
        self._put(folder, batch)
        self._index.finish(folder, sorted(before.keys() - present))

    def _put(self, folder: Path, batch: Sequence[Record]) -> None:
        if batch:
            self._index.put(folder, batch)

    def start(self) -> None:
        """Scan in a thread of its own, now and every few minutes, until `stop`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="catalog", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Let the thread scan now."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread, and a scan that is under way; what it found so far is kept."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.scan()
            except OperationalError:  # a full disk, a database locked for half a minute: the next round may do
                log.warning("the scan of the model folders was given up", exc_info=True)
            self._wake.wait(SECONDS_BETWEEN_SCANS)
