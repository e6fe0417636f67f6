"""What a worker may do with the job it holds; all of it fails softly once the job was taken away."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.faults import reach
from sdtoolbox.images.store import ImageStore, Stored
from sdtoolbox.jobs.events import FRESH, write_event
from sdtoolbox.jobs.queue import Queue
from sdtoolbox.schema.results import Job, JobState, Result

MINE = "id = ? AND worker = ? AND state = 'running'"

# One statement decides: whoever cancelled before this moment has been promised that the job ends as cancelled.
END = f"""
UPDATE jobs SET
    state = CASE WHEN cancel_requested THEN 'cancelled' ELSE ? END,
    result = CASE WHEN cancel_requested THEN NULL ELSE ? END,
    error = CASE WHEN cancel_requested THEN NULL ELSE ? END,
    finished = ?, lease_until = NULL
WHERE {MINE} RETURNING state
"""


class JobLostError(Exception):
    """The job is not this worker's any more: its lease ran out, and somebody else may be drawing it."""


class Holding:
    """One claimed job in the hands of one worker."""

    def __init__(self, queue: Queue, job: Job, worker_id: str) -> None:
        self.job = job
        self.worker_id = worker_id
        self._queue = queue
        self._database = queue.database
        self._mine = (job.id, worker_id)

    def renew(self) -> bool:
        """Prolong the lease; False if the job was lost."""
        return self._queue.renew(*self._mine)

    def publish(self, changes: dict[str, Any], preview: bytes | None = None) -> None:
        """Tell the watchers what has changed; JobLostError if the job was lost."""
        with self._database.transaction() as connection:
            self._check_mine(connection)
            write_event(connection, self.job.id, changes, preview)

    def add_picture(self, position: int, stored: Stored, store: ImageStore) -> None:
        """Make a saved picture part of the job, at once visible to everybody; JobLostError if the job was lost."""
        reach("save.before_row")
        with self._database.transaction() as connection:
            self._check_mine(connection)
            store.index(connection, stored)
            connection.execute(
                "INSERT INTO job_pictures (job_id, position, picture_id) VALUES (?, ?, ?) "
                "ON CONFLICT (job_id, position) DO UPDATE SET picture_id = excluded.picture_id",
                (self.job.id, position, stored.id),
            )
        reach("save.after_row")

    def finish(self, result: Result) -> JobState | None:
        """The job is done, or "cancelled" if somebody asked for that before; None if it was lost."""
        reach("finish.before_row")
        state = self._end("done", {"stage": "done", "fraction": 1.0, "eta_seconds": 0.0}, result=result)
        reach("finish.after_row")
        return state

    def fail(self, error: UserError) -> JobState | None:
        """The job cannot be done; "cancelled" if somebody asked for that before; None if it was lost."""
        return self._end("failed", {"stage": "failed", "eta_seconds": None}, error=error)

    def cancelled(self) -> JobState | None:
        """The job stops here because somebody asked for that; None if it was lost."""
        return self._end("cancelled", {})

    def give_back(self) -> bool:
        """Put the job back into its old place in the queue; the attempt does not count. False if it was lost."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE jobs SET state = 'queued', worker = NULL, lease_until = NULL, started = NULL, "
                f"attempts = attempts - 1 WHERE {MINE} AND cancel_requested = 0",
                self._mine,
            )
            if cursor.rowcount == 1:
                write_event(connection, self.job.id, FRESH | {"message": "the server stopped; it will be drawn later"})
        return cursor.rowcount == 1 or self.cancelled() is not None

    def _end(
        self, state: JobState, event: dict[str, Any], result: Result | None = None, error: UserError | None = None
    ) -> JobState | None:
        said = None if error is None else error.as_dict()
        values = (None if result is None else result.model_dump_json(), None if said is None else json.dumps(said))
        with self._database.transaction() as connection:
            row = connection.execute(END, (state, *values, time.time(), *self._mine)).fetchone()
            if row is None:
                return None
            ended: JobState = row["state"]
            if ended == "cancelled":
                write_event(connection, self.job.id, {"state": ended, "stage": "cancelled", "eta_seconds": None})
            else:
                message = "" if error is None else str(error)
                write_event(connection, self.job.id, {"state": ended, "error": said, "message": message} | event)
        return ended

    def _check_mine(self, connection: sqlite3.Connection) -> None:
        if connection.execute(f"SELECT 1 FROM jobs WHERE {MINE}", self._mine).fetchone() is None:
            raise JobLostError(self.job.id)
