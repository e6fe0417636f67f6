"""Pictures on disk: finished ones, written so that a power cut leaves a whole one or none; all found by id."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.images.inputs import InputStore
from sdtoolbox.images.video.opening import SUFFIXES as VIDEO_SUFFIXES
from sdtoolbox.images.writing import open_within, remove_halves, write_hashed, write_whole


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture file in the store; `file` is its path below the outputs folder, with forward slashes."""

    id: str
    file: str
    width: int
    height: int
    request: dict[str, Any]


class ImageStore:
    """The outputs folder and its index, and beside it the inputs, so that whoever has an id need not know which it is.

    Ids are 128 bits of the SHA-256 of the file's bytes, in hex. The inputs' folder is the outputs' neighbour.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.inputs = InputStore(folder.with_name("inputs"), database)
        self._views = folder.with_name("views")
        self._database = database

    def write(
        self,
        pieces: Iterable[bytes],
        *,
        width: int,
        height: int,
        request: dict[str, Any],
        stem: str,
        suffix: str = ".png",
    ) -> Stored:
        """Put the bytes of a file into today's folder: temporary file, fsync, rename, fsync of the folder.

        The same bytes are stored once. The row is not written: see `index`. UserError DISK_FULL when there is no
        room; nothing is left behind then.
        """
        day = self.folder / datetime.now().strftime("%Y-%m-%d")
        found: list[tuple[str, str]] = []

        def place(digest: str) -> Path | None:
            identity = digest[:32]
            known = self._file(identity)
            if known is not None and (self.folder / known).is_file():
                found.append((identity, known))
                return None
            target = day / f"{stem}-{identity[:8]}{suffix}"
            found.append((identity, target.relative_to(self.folder).as_posix()))
            return target

        try:
            day.mkdir(parents=True, exist_ok=True)
            write_hashed(day, pieces, place)
        except OSError as error:
            raise UserError(
                "DISK_FULL", f"the picture could not be written: {error.strerror}.", "Make room, then draw it again."
            ) from None
        return Stored(*found[0], width, height, request)

    def scratch(self) -> BinaryIO:
        """A file without a name on the disk of the results: it is gone when it is closed, or its process has ended."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return cast(BinaryIO, tempfile.TemporaryFile(dir=self.folder))
        except OSError as error:
            raise UserError(
                "DISK_FULL", f"there is no room for a file: {error.strerror}.", "Make room first."
            ) from None

    def index(self, connection: sqlite3.Connection, stored: Stored) -> None:
        """Write the picture's row inside the caller's transaction."""
        connection.execute(
            "INSERT INTO pictures (id, path, created, width, height, request) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET path = excluded.path",
            (stored.id, stored.file, time.time(), stored.width, stored.height, json.dumps(stored.request)),
        )

    def path(self, identity: str) -> Path:
        """The file of a picture, output or input; UserError IMAGE_INVALID for an id that is not in the store."""
        path = self.output(identity) or self.inputs.find(identity)
        if path is None:
            raise _missing(identity)
        return path

    def output(self, identity: str) -> Path | None:
        """The file of a finished picture; None for any other id."""
        file = self._file(identity)
        path = open_within(self.folder, file) if file is not None else None
        return path if path is not None and path.is_file() else None

    def add_view(self, identity: str, data: bytes) -> None:
        """Keep a small JPEG of a picture that is too large to be opened only to be looked at."""
        self._views.mkdir(parents=True, exist_ok=True)
        write_whole(self._views / f"{identity}.jpg", data)

    def view(self, identity: str) -> Path | None:
        """The small JPEG of a large picture; None if it has none."""
        if self.output(identity) is None:  # whatever it is, it is no name of a file
            return None
        path = self._views / f"{identity}.jpg"
        return path if path.is_file() else None

    def is_video(self, identity: str) -> bool:
        """Whether the file of this id is a video; UserError IMAGE_INVALID as `path`."""
        return self.path(identity).suffix in VIDEO_SUFFIXES

    def size(self, identity: str) -> tuple[int, int]:
        """Width and height of a picture in pixels, as it is seen upright; UserError IMAGE_INVALID as `path`."""
        found = self._database.connection().execute("SELECT width, height FROM pictures WHERE id = ?", (identity,))
        row = found.fetchone()
        size = self.inputs.size(identity) if row is None else (int(row["width"]), int(row["height"]))
        if size is None:
            raise _missing(identity)
        return size

    def reconcile(self) -> tuple[int, int]:
        """Mend what a crash left: half-written files are removed, rows without a file are dropped.

        Returns how many of each, inputs too. A whole file without a row stays where it is: it is somebody's picture.
        An outputs folder that is missing or empty changes nothing: its disk may only not be there yet.
        """
        halves, gone = self.inputs.reconcile()
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            return halves, gone
        rows = self._database.connection().execute("SELECT id, path FROM pictures").fetchall()
        lost = [row["id"] for row in rows if not (self.folder / row["path"]).is_file()]
        with self._database.transaction() as connection:
            for identity in lost:
                connection.execute("DELETE FROM job_pictures WHERE picture_id = ?", (identity,))
                connection.execute("DELETE FROM pictures WHERE id = ?", (identity,))
                (self._views / f"{identity}.jpg").unlink(missing_ok=True)
        return remove_halves(self.folder) + remove_halves(self._views, ".*.part") + halves, len(lost) + gone

    def _file(self, identity: str) -> str | None:
        row = self._database.connection().execute("SELECT path FROM pictures WHERE id = ?", (identity,)).fetchone()
        return None if row is None else str(row["path"])


def _missing(identity: str) -> UserError:
    return UserError("IMAGE_INVALID", f"there is no picture {identity[:40]!r} in the store.", "It may be deleted.")
