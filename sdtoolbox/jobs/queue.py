"""The durable queue: what waits, runs and is done, in one SQLite table.

Every transition is one compare-and-set statement that names the state it comes from: whoever finds no row to change
came too late, and nobody's work is overwritten.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.jobs.events import FRESH, Events, missing, write_event
from sdtoolbox.jobs.presence import Presence
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.results import Event, Job, JobState
from sdtoolbox.settings import Settings

Jobs = list[Job]  # inside the class, `list` is the method

CLAIM = """
UPDATE jobs SET state = 'running', worker = ?, started = ?, lease_until = ?, attempts = attempts + 1
WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND reserved_for IS ? ORDER BY number LIMIT 1)
    AND state = 'queued'
RETURNING *
"""


class Queue:
    """The doors' side of the queue, and what workers need to claim; `jobs.holding` is what they do afterwards."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.presence = Presence(database, settings.home / "workers", settings.lease_seconds)
        self._events = Events(database)
        self._lease_seconds = settings.lease_seconds
        self._limit = settings.queue_limit

    def submit(
        self, request: Request, client: str = "", reserved_for: str | None = None, warnings: Sequence[str] = ()
    ) -> str:
        """Put a resolved request into the queue and return the job's id; it is on disk then.

        `reserved_for` names the only worker that may claim it; `warnings` become those of the result. UserError
        QUEUE_FULL when too many wait already.
        """
        job_id, said = secrets.token_hex(16), json.dumps(list(warnings)) if warnings else None
        with self.database.transaction() as connection:
            if reserved_for is None:
                self._check_room(connection)
            number = connection.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM jobs").fetchone()[0]
            connection.execute(
                "INSERT INTO jobs (id, number, task, request, state, created, client, reserved_for, warnings) "
                "VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?)",
                (job_id, number, request.task, request.model_dump_json(), time.time(), client, reserved_for, said),
            )
            write_event(connection, job_id, FRESH)
        return job_id

    def _check_room(self, connection: sqlite3.Connection) -> None:
        waiting = connection.execute(
            "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND reserved_for IS NULL"
        ).fetchone()[0]
        if waiting >= self._limit:
            raise UserError(
                "QUEUE_FULL", f"{waiting} jobs are waiting already.", "Try again later, or cancel some of yours."
            )

    def claim(self, worker_id: str, *, reserved: bool = False) -> Job | None:
        """Take the oldest waiting job, or None; with `reserved` only one that is reserved for this worker."""
        reservation = worker_id if reserved else None
        look = "SELECT 1 FROM jobs WHERE state = 'queued' AND reserved_for IS ? LIMIT 1"
        if self.database.connection().execute(look, (reservation,)).fetchone() is None:
            return None  # many times a second: a look costs nothing, a write would make others wait
        now = time.time()
        with self.database.transaction() as connection:
            row = connection.execute(CLAIM, (worker_id, now, now + self._lease_seconds, reservation)).fetchone()
            if row is None:
                return None
            # A second attempt keeps saying why it is one.
            message = {} if row["attempts"] > 1 else {"message": ""}
            write_event(connection, row["id"], FRESH | message | {"state": "running", "stage": "loading"})
        return job_from(row)

    def reserve(self, job_id: str, worker_id: str) -> bool:
        """Keep a waiting job for one worker; False if it does not wait any more or is kept for another."""
        cursor = self.database.connection().execute(
            "UPDATE jobs SET reserved_for = ? WHERE id = ? AND state = 'queued' AND reserved_for IS NULL",
            (worker_id, job_id),
        )
        return cursor.rowcount == 1

    def renew(self, job_id: str, worker_id: str) -> bool:
        """Prolong a worker's hold on its job; False if it was lost: somebody else may be drawing it by now."""
        cursor = self.database.connection().execute(
            "UPDATE jobs SET lease_until = ? WHERE id = ? AND worker = ? AND state = 'running'",
            (time.time() + self._lease_seconds, job_id, worker_id),
        )
        return cursor.rowcount == 1

    def cancel(self, job_id: str) -> bool:
        """Cancel a job: at once if it waits, within a step if it runs; False if it has ended or is not there.

        True is kept: a job that was cancelled in time ends as "cancelled" whatever its worker does.
        """
        with self.database.transaction() as connection:
            waiting = connection.execute(
                "UPDATE jobs SET state = 'cancelled', cancel_requested = 1, finished = ? "
                "WHERE id = ? AND state IN ('queued', 'interrupted')",
                (time.time(), job_id),
            )
            if waiting.rowcount == 1:
                write_event(connection, job_id, {"state": "cancelled", "stage": "cancelled", "eta_seconds": None})
                return True
            running = connection.execute(
                "UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", (job_id,)
            )
        return running.rowcount == 1

    def cancel_all(self, client: str | None = None) -> int:
        """Cancel every job that has not ended, or every one of a client; how many that were."""
        rows = self.database.connection().execute(
            "SELECT id FROM jobs WHERE state IN ('queued', 'interrupted', 'running') "
            "AND (? IS NULL OR client = ?) ORDER BY number DESC",  # the newest first: nothing is begun in between
            (client, client),
        )
        return sum(self.cancel(row["id"]) for row in rows.fetchall())

    def cancel_requested(self, job_id: str) -> bool:
        """Whether somebody wants this job to end."""
        row = self.database.connection().execute("SELECT cancel_requested FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return row is None or bool(row["cancel_requested"])

    def get(self, job_id: str) -> Job:
        """The job with this id; UserError JOB_MISSING if there is none."""
        row = self.database.connection().execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise missing(job_id)
        return job_from(row)

    def list(self, states: Sequence[JobState] | None = None, limit: int = 100, client: str | None = None) -> Jobs:
        """The newest jobs, the newest first, only those in `states` or of one client if given."""
        among = f"state IN ({', '.join('?' * len(states))})" if states is not None else "TRUE"
        rows = self.database.connection().execute(
            f"SELECT * FROM jobs WHERE {among} AND (? IS NULL OR client = ?) ORDER BY number DESC LIMIT ?",
            (*(states or ()), client, client, limit),
        )
        return [job_from(row) for row in rows.fetchall()]

    def pictures(self, job_id: str) -> Sequence[str]:
        """The ids of the pictures a job has finished so far, in order; those of a cancelled or failed one too."""
        rows = self.database.connection().execute(
            "SELECT picture_id FROM job_pictures WHERE job_id = ? ORDER BY position", (job_id,)
        )
        return [row["picture_id"] for row in rows.fetchall()]

    def position(self, job_id: str) -> int | None:
        """How many jobs are ahead of this one; None if it does not wait for a worker."""
        return self.event(job_id).position

    def event(self, job_id: str) -> Event:
        """Where the job stands now; UserError JOB_MISSING if there is no such job."""
        return self._events.latest(job_id)

    def preview(self, job_id: str) -> bytes | None:
        """The latest small JPEG of a running job, or None."""
        return self._events.preview(job_id)

    def watch(self, job_id: str, poll: float = 0.1, idle: Callable[[], None] | None = None) -> Iterator[Event]:
        """The current event, then each change, until the job has ended; see `Events.watch`."""
        return self._events.watch(job_id, poll, idle)

    def awatch(self, job_id: str, poll: float = 0.1) -> AsyncIterator[Event]:
        """As `watch`, for event loops."""
        return self._events.awatch(job_id, poll)


def job_from(row: sqlite3.Row) -> Job:
    """A row of the table as what everybody sees of it: not the client, not the worker."""
    values: dict[str, Any] = {name: row[name] for name in ("id", "number", "task", "state", "created", "attempts")}
    values |= {name: row[name] for name in ("started", "finished")}
    values |= {name: None if row[name] is None else json.loads(row[name]) for name in ("request", "error", "result")}
    values["warnings"] = json.loads(row["warnings"] or "[]")
    return Job(**values, cancel_requested=bool(row["cancel_requested"]))
