"""Committed means kept, failed means gone, newer means said."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from sdtoolbox.database import MIGRATIONS, SCHEMA_VERSION, Database
from sdtoolbox.errors import UserError


def insert(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(
        "INSERT INTO jobs (id, number, task, request, state, created) VALUES (?, ?, 't', '{}', 'queued', 0)",
        (str(number), number),
    )


def count(database: Database) -> int:
    return int(database.connection().execute("SELECT count(*) FROM jobs").fetchone()[0])


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite3")

    def insert_and_fail() -> None:
        with database.transaction() as connection:
            insert(connection, 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        insert_and_fail()
    with database.transaction() as connection:
        insert(connection, 2)
    assert count(Database(tmp_path / "a.sqlite3")) == 1


def test_each_thread_has_its_own_connection(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite3")
    seen = [database.connection()]
    thread = threading.Thread(target=lambda: seen.append(database.connection()))
    thread.start()
    thread.join()
    assert seen[0] is not seen[1]
    assert seen[0] is database.connection()
    database.close()
    for connection in seen:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


def test_many_threads_write_without_losing_a_row(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite3")

    def write(start: int) -> None:
        for number in range(start, start + 20):
            with database.transaction() as connection:
                insert(connection, number)

    threads = [threading.Thread(target=write, args=(start * 100,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 80


def test_an_older_database_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    old = sqlite3.connect(path)
    for migration in MIGRATIONS[:2]:
        old.executescript(migration)
    old.execute("PRAGMA user_version = 2")
    insert(old, 1)
    old.commit()
    old.close()
    database = Database(path)
    assert count(database) == 1
    assert database.connection().execute("SELECT count(*) FROM inputs").fetchone()[0] == 0
    assert database.connection().execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION == len(MIGRATIONS)


def test_a_newer_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    Database(path).connection().execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(UserError, match="newer sdtoolbox"):
        Database(path)


def test_a_broken_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(UserError, match="cannot be used") as caught:
        Database(tmp_path / "a.sqlite3")
    assert str(tmp_path) not in str(caught.value)
