"""What things cost on this machine before: running means, kept from job to job."""

from __future__ import annotations

from sdtoolbox.database import Database

WEIGHT_OF_NEW = 0.3
"""How much the latest measurement counts against the mean so far: a machine that got busy is believed soon."""


class Timings:
    """Named numbers (seconds, units of work) that follow what is measured."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, values: dict[str, float]) -> None:
        """Let the means of these keys follow new measurements."""
        if not values:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO timings (key, seconds) VALUES (?, ?) ON CONFLICT (key) DO UPDATE "
                f"SET seconds = seconds + {WEIGHT_OF_NEW} * (excluded.seconds - seconds)",
                list(values.items()),
            )

    def recall(self, prefix: str) -> dict[str, float]:
        """All means whose key begins with `prefix`, without it."""
        rows = self._database.connection().execute(
            "SELECT key, seconds FROM timings WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        )
        return {row["key"][len(prefix) :]: row["seconds"] for row in rows.fetchall()}
