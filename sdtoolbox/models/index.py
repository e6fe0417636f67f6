"""What was found in the model folders, kept in SQLite: no file is opened twice, and every process sees the same."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.models.annotations import Annotation
from sdtoolbox.models.entries import CatalogEntry

Key = tuple[int, str]
"""(number of the model folder, id): a model found in two folders is there twice, and shown once."""

_STORED = tuple(one.name for one in fields(CatalogEntry) if one.name not in ("id", "path"))
_USUAL: Mapping[str, Any] = {one.name: one.default for one in fields(CatalogEntry) if one.default is not MISSING} | {
    "defaults": {}
}
_TUPLES = ("parts", "trigger_words", "tags")


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as the scan found it, the mark by which the next scan knows that nothing has changed, and its path."""

    entry: CatalogEntry
    mark: str
    place: bytes
    annotation: Annotation | None = None

    def annotated(self) -> CatalogEntry:
        """The entry with what people wrote about it in place of what its files say."""
        if self.annotation is None:
            return self.entry
        return replace(self.entry, **self.annotation.changes(self.entry))


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since an earlier revision; `present` names all that is left, if something was removed."""

    revision: int
    records: Mapping[Key, Record]
    present: frozenset[Key] | None


class Index:
    """The rows of some model folders; those of other folders are left alone."""

    def __init__(self, database: Database, roots: Sequence[Path]) -> None:
        self._database = database
        self._numbers = {os.fsencode(root): number for number, root in enumerate(roots)}

    def changes(self, since: int) -> Changes | None:
        """What has changed since this revision, 0 for everything; None, quickly, if nothing has."""
        connection = self._database.connection()
        revision, removals = connection.execute("SELECT revision, removals FROM catalog_revision").fetchone()
        if revision == since:
            return None
        rows = connection.execute(
            "SELECT root, catalog.id, path, mark, entry, annotation FROM catalog "
            "LEFT JOIN annotations ON annotations.id = catalog.id WHERE revision > ?",
            (since,),
        ).fetchall()
        rows = [row for row in rows if row["root"] in self._numbers]
        # All of them in one piece of JSON: a call for each takes longer than the reading itself.
        entries = json.loads(f"[{','.join(row['entry'] for row in rows)}]")
        records = {
            (self._numbers[row["root"]], row["id"]): _record(row, values)
            for row, values in zip(rows, entries, strict=True)
        }
        return Changes(revision, records, self._present() if since and removals > since else None)

    def _present(self) -> frozenset[Key]:
        rows = self._database.connection().execute("SELECT root, id FROM catalog")
        return frozenset((self._numbers[root], identity) for root, identity in rows if root in self._numbers)

    def scanned(self, root: Path) -> bool:
        """Whether this folder was ever looked through to its end."""
        query = "SELECT 1 FROM catalog_roots WHERE root = ?"
        return self._database.connection().execute(query, (os.fsencode(root),)).fetchone() is not None

    def put(self, root: Path, records: Sequence[Record]) -> None:
        """Write what was found in a folder, in one transaction."""
        key = os.fsencode(root)
        with self._change() as (connection, revision):
            connection.executemany(
                "INSERT OR REPLACE INTO catalog (root, id, path, mark, entry, revision) VALUES (?, ?, ?, ?, ?, ?)",
                [(key, one.entry.id, one.place, one.mark, _stored(one.entry), revision) for one in records],
            )

    def finish(self, root: Path, gone: Sequence[str]) -> None:
        """Say that a folder was looked through, and which ids are no longer in it."""
        key = os.fsencode(root)
        if gone:
            with self._change() as (connection, revision):
                connection.executemany("DELETE FROM catalog WHERE root = ? AND id = ?", [(key, one) for one in gone])
                connection.execute("UPDATE catalog_revision SET removals = ?", (revision,))
        self._database.connection().execute("INSERT OR REPLACE INTO catalog_roots VALUES (?, ?)", (key, time.time()))

    def annotation(self, identity: str) -> Annotation:
        """What people wrote about a model; an empty one if nothing."""
        query = "SELECT annotation FROM annotations WHERE id = ?"
        row = self._database.connection().execute(query, (identity,)).fetchone()
        return Annotation() if row is None else Annotation.model_validate_json(row[0])

    def annotate(self, identity: str, annotation: Annotation) -> None:
        """Keep what people wrote about a model; every process sees it at its next look."""
        with self._change() as (connection, revision):
            connection.execute(
                "INSERT OR REPLACE INTO annotations VALUES (?, ?)", (identity, annotation.model_dump_json())
            )
            connection.execute("UPDATE catalog SET revision = ? WHERE id = ?", (revision, identity))

    @contextmanager
    def _change(self) -> Iterator[tuple[Connection, int]]:
        with self._database.transaction() as connection:
            connection.execute("UPDATE catalog_revision SET revision = revision + 1")
            yield connection, connection.execute("SELECT revision FROM catalog_revision").fetchone()[0]


def _stored(entry: CatalogEntry) -> str:
    # Without what is as usual, most of it: twenty thousand of these are read at every start.
    told = {name: value for name in _STORED if (value := getattr(entry, name)) != _USUAL.get(name)}
    return json.dumps(told, ensure_ascii=False)


def _record(row: Row, values: dict[str, Any]) -> Record:
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    place, annotation = row["path"], row["annotation"]
    entry = CatalogEntry(id=row["id"], path=Path(os.fsdecode(place)), **values)
    return Record(entry, row["mark"], place, Annotation.model_validate_json(annotation) if annotation else None)
