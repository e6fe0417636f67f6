"""What the workers hold in memory: each publishes its own, any process looks, and asks for something to be dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sdtoolbox.database import Database
from sdtoolbox.models.held import Held

# A model keeps its request for unloading through every change of the list, until it is off the list.
PUT = """
INSERT INTO loaded (worker_id, model_id, name, bytes, leased) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (worker_id, model_id) DO UPDATE SET
    name = excluded.name, bytes = excluded.bytes, leased = excluded.leased
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One model in one worker's memory; `leased` while a job uses it."""

    worker_id: str
    device: str
    model_id: str
    name: str
    bytes: int
    leased: bool


# Inside the class, `list` is the method.
Rows: TypeAlias = list[Loaded]
Ids: TypeAlias = list[str]


class LoadedModels:
    """The table `loaded`. A worker's rows go with its own row, whoever removes that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, worker_id: str, held: Sequence[Held]) -> None:
        """Replace a worker's rows by these; nothing at all for a worker that has left."""
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM workers WHERE id = ?", (worker_id,)).fetchone() is None:
                return
            connection.executemany(
                PUT, [(worker_id, one.model_id, one.name, one.bytes, int(one.leased)) for one in held]
            )
            marks = ", ".join("?" * len(held))
            connection.execute(
                f"DELETE FROM loaded WHERE worker_id = ? AND model_id NOT IN ({marks})",
                (worker_id, *(one.model_id for one in held)),
            )

    def list(self) -> Rows:
        """All rows, by worker and name."""
        rows = self._database.connection().execute(
            "SELECT worker_id, device, model_id, name, bytes, leased FROM loaded "
            "JOIN workers ON workers.id = worker_id ORDER BY worker_id, name, model_id"
        )
        return [Loaded(**{**dict(row), "leased": bool(row["leased"])}) for row in rows.fetchall()]

    def request_unload(self, model_id: str) -> bool:
        """Ask every worker to drop a model, at the latest when the job that uses it has ended; False if none has it."""
        connection = self._database.connection()
        return connection.execute("UPDATE loaded SET unload = 1 WHERE model_id = ?", (model_id,)).rowcount > 0

    def wanted_unloads(self, worker_id: str) -> Ids:
        """The models that this worker was asked to drop and still lists."""
        rows = self._database.connection().execute(
            "SELECT model_id FROM loaded WHERE worker_id = ? AND unload = 1", (worker_id,)
        )
        return [row["model_id"] for row in rows.fetchall()]
