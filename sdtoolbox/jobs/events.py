"""Where each job stands: its latest event, one overwritten row that any process may watch."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.schema.results import FINAL_STATES, Event

# The place in the queue is counted when somebody looks: storing it would write every waiting row at each claim.
LATEST = """
SELECT progress.sequence, progress.event, progress.preview IS NOT NULL AS has_preview,
    CASE WHEN jobs.state = 'queued' AND jobs.reserved_for IS NULL THEN (
        SELECT COUNT(*) FROM jobs AS other
        WHERE other.state = 'queued' AND other.reserved_for IS NULL AND other.number < jobs.number
    ) END AS position
FROM jobs JOIN progress ON progress.job_id = jobs.id WHERE jobs.id = ?
"""


class Events:
    """Reading and watching of jobs' events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, job_id: str) -> Event:
        """Where the job stands now; UserError JOB_MISSING if there is no such job."""
        return _event(self._row(job_id))

    def preview(self, job_id: str) -> bytes | None:
        """The latest small JPEG of a running job, or None."""
        row = self._database.connection().execute("SELECT preview FROM progress WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else row["preview"]

    def watch(self, job_id: str, poll: float = 0.1, idle: Callable[[], None] | None = None) -> Iterator[Event]:
        """The current event, then each change, until the job has ended; looks every `poll` seconds.

        While it waits, a change of its place in the queue is an event too. `idle` is called after each look that
        found nothing new.
        """
        seen = None
        while True:
            row = self._row(job_id)
            if (mark := _mark(row)) != seen:
                seen = mark
                yield (event := _event(row))
                if event.state in FINAL_STATES:
                    return
            elif idle is not None:
                idle()
            time.sleep(poll)

    async def awatch(self, job_id: str, poll: float = 0.1) -> AsyncIterator[Event]:
        """As `watch`, for event loops: a look takes well under a millisecond, so it happens in the loop itself."""
        seen = None
        while True:
            row = self._row(job_id)
            if (mark := _mark(row)) != seen:
                seen = mark
                yield (event := _event(row))
                if event.state in FINAL_STATES:
                    return
            await asyncio.sleep(poll)

    def _row(self, job_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._database.connection().execute(LATEST, (job_id,)).fetchone()
        if row is None:
            raise missing(job_id)
        return row


def missing(job_id: str) -> UserError:
    """The error for an id that is no job's."""
    return UserError("JOB_MISSING", f"there is no job {job_id[:40]!r}.", "It may have been deleted.")


def _mark(row: sqlite3.Row) -> tuple[Any, ...]:
    return row["sequence"], row["position"]


def _event(row: sqlite3.Row) -> Event:
    values = json.loads(row["event"])
    values |= {"sequence": row["sequence"], "position": row["position"], "has_preview": bool(row["has_preview"])}
    return Event(**values)


def write_event(
    connection: sqlite3.Connection, job_id: str, changes: dict[str, Any], preview: bytes | None = None
) -> None:
    """Write a job's next event, inside the caller's transaction: the last one with `changes`.

    A preview stays until another comes or the job leaves the state "running".
    """
    row = connection.execute("SELECT event FROM progress WHERE job_id = ?", (job_id,)).fetchone()
    last = {"job_id": job_id} if row is None else json.loads(row["event"])
    event = Event(**(last | changes))
    values = event.model_dump_json(exclude={"sequence", "position", "has_preview"})
    connection.execute(
        "INSERT INTO progress (job_id, sequence, event, preview) VALUES (?, 1, ?, ?) ON CONFLICT (job_id) DO UPDATE "
        "SET sequence = sequence + 1, event = excluded.event, "
        "preview = CASE WHEN ? THEN COALESCE(excluded.preview, preview) END",
        (job_id, values, preview, event.state == "running"),
    )


# What an event says of a job that has not begun, or begins again.
FRESH: dict[str, Any] = {
    "state": "queued",
    "stage": "queued",
    "step": None,
    "steps": None,
    "fraction": 0.0,
    "eta_seconds": None,
    "picture": 0,
}
