"""Finished pictures on disk: written so that a power cut leaves a whole picture or none, found again by id."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.faults import reach


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture file in the store; `file` is its path below the outputs folder, with forward slashes."""

    id: str
    file: str
    width: int
    height: int
    request: dict[str, Any]


class ImageStore:
    """The outputs folder and its index. Ids are 128 bits of the SHA-256 of the file's bytes, in hex."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database

    def write(self, data: bytes, *, width: int, height: int, request: dict[str, Any], stem: str) -> Stored:
        """Put the bytes of a PNG file into today's folder: temporary file, fsync, rename, fsync of the folder.

        The same bytes are stored once. The row is not written: see `index`. UserError DISK_FULL when there is no
        room; nothing is left behind then.
        """
        identity = hashlib.sha256(data).hexdigest()[:32]
        known = self._file(identity)
        if known is not None and (self.folder / known).is_file():
            return Stored(identity, known, width, height, request)
        day = self.folder / datetime.now().strftime("%Y-%m-%d")
        target = day / f"{stem}-{identity[:8]}.png"
        try:
            day.mkdir(parents=True, exist_ok=True)
            write_whole(target, data)
        except OSError as error:
            raise UserError(
                "DISK_FULL", f"the picture could not be written: {error.strerror}.", "Make room, then draw it again."
            ) from None
        return Stored(identity, target.relative_to(self.folder).as_posix(), width, height, request)

    def index(self, connection: sqlite3.Connection, stored: Stored) -> None:
        """Write the picture's row inside the caller's transaction."""
        connection.execute(
            "INSERT INTO pictures (id, path, created, width, height, request) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET path = excluded.path",
            (stored.id, stored.file, time.time(), stored.width, stored.height, json.dumps(stored.request)),
        )

    def path(self, identity: str) -> Path:
        """The file of a picture; UserError IMAGE_INVALID for an id that is not in the store."""
        file = self._file(identity)
        path = open_within(self.folder, file) if file is not None else None
        if path is None or not path.is_file():
            raise UserError(
                "IMAGE_INVALID", f"there is no picture {identity[:40]!r} in the store.", "It may be deleted."
            )
        return path

    def reconcile(self) -> tuple[int, int]:
        """Mend what a crash left: half-written files are removed, rows without a file are dropped.

        Returns how many of each. A whole file without a row stays where it is: it is somebody's picture. An outputs
        folder that is missing or empty changes nothing: its disk may only not be there yet.
        """
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            return 0, 0
        halves = [*self.folder.glob("*/.*.part")]
        old = [path for path in halves if time.time() - path.stat().st_mtime > 60]
        for path in old:
            path.unlink(missing_ok=True)
        rows = self._database.connection().execute("SELECT id, path FROM pictures").fetchall()
        lost = [row["id"] for row in rows if not (self.folder / row["path"]).is_file()]
        with self._database.transaction() as connection:
            for identity in lost:
                connection.execute("DELETE FROM job_pictures WHERE picture_id = ?", (identity,))
                connection.execute("DELETE FROM pictures WHERE id = ?", (identity,))
        return len(old), len(lost)

    def _file(self, identity: str) -> str | None:
        row = self._database.connection().execute("SELECT path FROM pictures WHERE id = ?", (identity,)).fetchone()
        return None if row is None else str(row["path"])


def open_within(root: Path, name: str) -> Path:
    """`root/name`, refused with IMAGE_INVALID if that lies outside `root` by dots, links or an absolute path."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise UserError("IMAGE_INVALID", "that file is outside the store.", "")
    return path


def write_whole(target: Path, data: bytes) -> None:
    """Write a file so that after a crash it is whole or absent; OSError if that fails, with nothing left behind."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        reach("save.before_rename")
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name != "nt":  # Windows cannot open folders; its rename is durable by itself
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    reach("save.after_rename")
