"""One SQLite file holds queue, results and picture index; this module opens it safely from any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdtoolbox.errors import UserError

SCHEMA_VERSION = 4
SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,          -- what people call it: job 17
    task TEXT NOT NULL,
    request TEXT NOT NULL,                   -- the resolved request, JSON
    state TEXT NOT NULL,                     -- queued running done failed cancelled interrupted
    created REAL NOT NULL,                   -- seconds since the epoch
    started REAL,
    finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,                             -- who holds it
    lease_until REAL,                        -- the holder is thought dead after this
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    reserved_for TEXT,                       -- only this worker may claim it (an inline run's own job)
    client TEXT,                             -- which browser or program asked; never shown to others
    result TEXT,                             -- JSON of schema.results.Result
    error TEXT                               -- JSON of UserError.as_dict
);
CREATE INDEX jobs_by_state ON jobs (state, reserved_for, number);
CREATE TABLE progress (                      -- the latest event of each job, overwritten
    job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    event TEXT NOT NULL,                     -- JSON of schema.results.Event
    preview BLOB                             -- small JPEG or NULL
);
CREATE TABLE pictures (
    id TEXT PRIMARY KEY,                     -- 128 bits of the SHA-256 of the file's bytes, hex
    path TEXT NOT NULL UNIQUE,               -- below the outputs folder, with forward slashes
    created REAL NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    request TEXT                             -- JSON that draws it again, NULL for uploads
);
CREATE INDEX pictures_by_time ON pictures (created);
CREATE TABLE job_pictures (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    picture_id TEXT NOT NULL REFERENCES pictures (id),
    PRIMARY KEY (job_id, position)
);
CREATE TABLE workers (                       -- who is alive: any process can look
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    pid INTEGER NOT NULL,
    seen REAL NOT NULL                       -- heartbeat, seconds since the epoch
);
CREATE TABLE timings (                       -- what a stage cost here before: the source of true ETAs
    key TEXT PRIMARY KEY,
    seconds REAL NOT NULL
);
"""
MODELS = """
CREATE TABLE catalog (                       -- what lies in the model folders, recognised once a version of a file
    root BLOB NOT NULL,                      -- the model folder that it was found in; bytes, as names need not be UTF-8
    id TEXT NOT NULL,                        -- of models.entries.CatalogEntry
    path BLOB NOT NULL,                      -- absolute; the folder, in the diffusers layout
    mark TEXT NOT NULL,                      -- another one means: look at it again
    entry TEXT NOT NULL,                     -- JSON of the entry, without its path
    revision INTEGER NOT NULL,               -- of the catalog when this row was written
    PRIMARY KEY (root, id)
);
CREATE INDEX catalog_by_revision ON catalog (revision);
CREATE TABLE catalog_revision (              -- one row, by which every process sees that another one found something
    revision INTEGER NOT NULL,               -- rises with every change
    removals INTEGER NOT NULL                -- the revision of the last removal
);
INSERT INTO catalog_revision VALUES (0, 0);
CREATE TABLE catalog_roots (                 -- the model folders that have been looked through to the end
    root BLOB PRIMARY KEY,
    scanned REAL NOT NULL                    -- seconds since the epoch
);
CREATE TABLE hashes (                        -- of one version of a model; kept when its folder is away for a while
    id TEXT PRIMARY KEY,
    size INTEGER NOT NULL,                   -- bytes; of all weight files together, in the diffusers layout
    mtime_ns INTEGER NOT NULL,               -- as in CatalogEntry: of a folder it holds a digest of all inside
    sha256 TEXT NOT NULL,
    autov3 TEXT NOT NULL                     -- of the bytes after a file's header; empty for folders
);
CREATE INDEX hashes_by_sha256 ON hashes (sha256);
CREATE INDEX hashes_by_autov3 ON hashes (autov3);
CREATE TABLE annotations (                   -- what people wrote about a model; kept when the file goes
    id TEXT PRIMARY KEY,
    annotation TEXT NOT NULL                 -- JSON of models.annotations.Annotation
);
CREATE TABLE loaded (                        -- what each worker holds in memory, for any process to see
    worker_id TEXT NOT NULL REFERENCES workers (id) ON DELETE CASCADE,
    model_id TEXT NOT NULL,                  -- of the catalog
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    leased INTEGER NOT NULL,                 -- 1 while a job uses it
    unload INTEGER NOT NULL DEFAULT 0,       -- 1 when somebody asked for it to be dropped
    PRIMARY KEY (worker_id, model_id)
);
"""
INPUTS = """
CREATE TABLE inputs (                        -- pictures and masks that people brought
    id TEXT NOT NULL,                        -- 128 bits of the SHA-256 of the file's bytes, hex
    kind TEXT NOT NULL,                      -- picture mask; the same file may be both
    name TEXT NOT NULL,                      -- what people call it
    path TEXT NOT NULL,                      -- below the inputs folder, with forward slashes
    width INTEGER NOT NULL,                  -- as it is seen upright
    height INTEGER NOT NULL,
    created REAL NOT NULL,                   -- when it was last brought
    PRIMARY KEY (id, kind)
);
CREATE INDEX inputs_by_time ON inputs (created);
"""
HOOKS = """
CREATE TABLE hook_times (                    -- what extensions' hooks cost, added to by every process
    id TEXT PRIMARY KEY,                     -- of the registry's entry
    sha256 TEXT NOT NULL,                    -- of the extension's files at the last call
    calls INTEGER NOT NULL,
    seconds REAL NOT NULL,                   -- of all calls together
    failures INTEGER NOT NULL,
    in_a_row INTEGER NOT NULL,               -- failures since the last call that went well
    last_failure TEXT NOT NULL               -- in words
);
ALTER TABLE jobs ADD COLUMN warnings TEXT;   -- JSON list: what was left out of the request on its way here
"""
# The statements that lead from one format to the next; a new file runs all of them.
MIGRATIONS = (SCHEMA, MODELS, INPUTS, HOOKS)


class Database:
    """Connections to one SQLite file: one a thread, none across processes.

    Write-ahead log and full synchronisation: a committed transition survives a power cut.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._migrate()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened at first use; rows are `sqlite3.Row`."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # check_same_thread is off so that close() may run in another thread than the opener's.
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._lock:
                self._open.append(connection)
        return connection

    def relax(self) -> None:
        """Let a power cut take this thread's latest commits: nothing waits for the disk, as is right for heartbeats."""
        self.connection().execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A short write transaction: taken at once, committed at the end, rolled back on any exception."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection; the database object is not usable afterwards."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _migrate(self) -> None:
        try:
            with self.transaction() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                for migration in MIGRATIONS[version:]:
                    for statement in migration.split(";\n"):
                        connection.execute(statement)
                if version < SCHEMA_VERSION:
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            raise UserError(
                "INTERNAL",
                f"the database {self.path.name} in the home folder cannot be used: {error}.",
                "Move it away to start with an empty queue; the pictures are not in it and stay.",
            ) from None
        if version > SCHEMA_VERSION:
            raise UserError(
                "INTERNAL",
                f"the database {self.path.name} was written by a newer sdtoolbox (format {version}).",
                "Update sdtoolbox, or set SDTOOLBOX_HOME to another folder.",
            )
