"""How often extensions' hooks were called, how long they took, how often they failed: one table for all processes."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.registered import HookEvent, HookInfo
from sdtoolbox.registry import Entry

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
"""After so many a hook is skipped, until extensions are read anew, its own files change or a server starts."""

ADD = """
INSERT INTO hook_times (id, sha256, calls, seconds, failures, in_a_row, last_failure) VALUES (?, ?, 1, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET calls = calls + 1, seconds = seconds + excluded.seconds,
    failures = failures + excluded.failures,
    in_a_row = CASE WHEN excluded.failures = 0 THEN 0 WHEN sha256 = excluded.sha256 THEN in_a_row + 1 ELSE 1 END,
    last_failure = CASE WHEN excluded.failures = 0 THEN last_failure ELSE excluded.last_failure END,
    sha256 = excluded.sha256
"""


@dataclass(frozen=True, slots=True)
class HookTime:
    """What is known of one hook: `seconds` of all its calls together, and whether it is skipped for its failures."""

    extension: str
    hook: str  # the function's name
    event: HookEvent
    calls: int = 0
    seconds: float = 0.0
    failures: int = 0
    skipped: bool = False
    last_failure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class HookTimes:
    """Reads and adds to the table. A call is never lost for it: what cannot be written is left out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: Entry[HookInfo], seconds: float, failure: str = "") -> None:
        """Count a call that took so long, and failed if there is something to say about that."""
        failed = int(bool(failure))
        values = (entry.id, entry.value.sha256, seconds, failed, failed, failure)
        try:
            self._database.connection().execute(ADD, values)
        except sqlite3.OperationalError as error:  # locked for long, or no room
            log.warning("a call of the hook %s is not counted: %s", entry.label, error)

    def of(self, entry: Entry[HookInfo]) -> HookTime:
        """What is known of a registered hook."""
        name = entry.id.rpartition(".")[2]
        found = self._database.connection().execute("SELECT * FROM hook_times WHERE id = ?", (entry.id,)).fetchone()
        if found is None:
            return HookTime(entry.owner, name, entry.value.event)
        skipped = found["in_a_row"] >= FAILURES_IN_A_ROW and found["sha256"] == entry.value.sha256
        counts = found["calls"], found["seconds"], found["failures"]
        return HookTime(entry.owner, name, entry.value.event, *counts, skipped, found["last_failure"])

    def forgive(self) -> None:
        """Give the hooks that are skipped another chance."""
        self._database.connection().execute("UPDATE hook_times SET in_a_row = 0 WHERE in_a_row > 0")
