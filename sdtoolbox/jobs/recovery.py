"""Jobs whose worker is gone: taken back, tried once more, and given up when that does not help."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping

from sdtoolbox.errors import UserError
from sdtoolbox.jobs.events import FRESH, write_event
from sdtoolbox.jobs.queue import Queue

MAX_ATTEMPTS = 2
DIED = "the worker died"
SILENT = "the worker stopped answering"


class Recovery:
    """Finds abandoned jobs. Safe to run in any number of processes at any time: every step is a compare-and-set."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._database = queue.database

    def sweep(self, causes: Mapping[str, str] | None = None, *, dead_only: bool = False) -> int:
        """Take back the jobs of dead or silent workers and settle them; returns how many were taken back.

        `causes` says more about the death of a worker, by its id: "signal 9". With `dead_only` the silent are
        spared: right after a pause of the whole machine everybody was silent. A job that was reserved for a program
        which has ended fails: nobody is left who waits for it.
        """
        taken = sum(self._take_back(row, causes or {}, dead_only) for row in self._running())
        self._settle_interrupted()
        self._fail_orphans()
        return taken

    def _running(self) -> list[sqlite3.Row]:
        connection = self._database.connection()
        return connection.execute("SELECT id, worker, lease_until FROM jobs WHERE state = 'running'").fetchall()

    def _take_back(self, row: sqlite3.Row, causes: Mapping[str, str], dead_only: bool) -> bool:
        now = time.time()
        died = not self._queue.presence.is_alive(row["worker"])
        if not died and (dead_only or row["lease_until"] >= now):
            return False
        cause = causes.get(row["worker"])
        reason = f"{DIED} ({cause})" if cause else DIED if died else SILENT
        with self._database.transaction() as connection:
            # A living worker may renew its lease between the look and the write: then the job stays with it.
            cursor = connection.execute(
                "UPDATE jobs SET state = 'interrupted', worker = NULL, lease_until = NULL "
                "WHERE id = ? AND worker = ? AND state = 'running' AND (? OR lease_until < ?)",
                (row["id"], row["worker"], died, now),
            )
            if cursor.rowcount == 1:
                write_event(connection, row["id"], {"state": "interrupted", "message": reason, "eta_seconds": None})
        return cursor.rowcount == 1

    def _settle_interrupted(self) -> None:
        look = "SELECT 1 FROM jobs WHERE state = 'interrupted' LIMIT 1"
        if self._database.connection().execute(look).fetchone() is None:
            return
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT jobs.*, progress.event FROM jobs JOIN progress ON progress.job_id = jobs.id "
                "WHERE state = 'interrupted'"
            )
            for row in rows.fetchall():
                _settle(connection, row)

    def _fail_orphans(self) -> None:
        connection = self._database.connection()
        rows = connection.execute(
            "SELECT id, number, reserved_for FROM jobs WHERE state = 'queued' AND reserved_for IS NOT NULL"
        )
        for row in rows.fetchall():
            if not self._queue.presence.is_alive(row["reserved_for"]):
                with self._database.transaction() as connection:
                    _fail(connection, row, "queued", _deserted(row["number"]))


def _settle(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    reason = json.loads(row["event"])["message"]
    if row["cancel_requested"]:
        connection.execute("UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ?", (time.time(), row["id"]))
        write_event(connection, row["id"], {"state": "cancelled", "stage": "cancelled", "message": ""})
    elif row["reserved_for"] is not None:
        _fail(connection, row, "interrupted", _deserted(row["number"]))
    elif row["attempts"] < MAX_ATTEMPTS:
        connection.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (row["id"],))
        message = f"{reason}; trying again, {row['attempts'] + 1} of {MAX_ATTEMPTS}"
        write_event(connection, row["id"], FRESH | {"message": message})
    else:
        error = UserError(
            "WORKER_DIED",
            f"job {row['number']} was given up after {row['attempts']} attempts: {reason}.",
            "Try a smaller picture or another model; the worker's log has more.",
        )
        _fail(connection, row, "interrupted", error)


def _deserted(number: int) -> UserError:
    message = f"the program that was drawing job {number} ended before it was done."
    return UserError("INTERRUPTED", message, "Draw it again.")


def _fail(connection: sqlite3.Connection, row: sqlite3.Row, state: str, error: UserError) -> None:
    said = error.as_dict()
    cursor = connection.execute(
        "UPDATE jobs SET state = 'failed', error = ?, finished = ? WHERE id = ? AND state = ?",
        (json.dumps(said), time.time(), row["id"], state),
    )
    if cursor.rowcount == 1:
        write_event(connection, row["id"], {"state": "failed", "stage": "failed", "error": said, "message": str(error)})
