"""By what a model is known everywhere: SHA-256, and for a file AutoV3, the SHA-256 of all that follows its header."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.models import weights
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.scan import WEIGHTS, folder_version

BLOCK = 1 << 22
LARGEST_HEADER = 100_000_000
SHORT = 10  # digits of a SHA-256 that A1111 writes as "Model hash"
AUTOV3 = 12  # digits of an AutoV3 that A1111 writes as a LoRA's hash


@dataclass(frozen=True, slots=True)
class Hashed:
    """Both hashes in full, 64 hex digits; `autov3` is empty for a diffusers folder."""

    sha256: str
    autov3: str = ""


OnBytes = Callable[[int], None]
"""Told of every block's size when it has been read; may raise to end the reading."""


class Hashes:
    """Hashes of models, computed once a version and kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, entry: CatalogEntry) -> Hashed | None:
        """The hashes of the version of a model that the catalog knows, if they have been computed."""
        return self._kept(entry.id, entry.size, entry.mtime_ns)

    def computed(self, entry: CatalogEntry, on_bytes: OnBytes = lambda size: None) -> Hashed:
        """The hashes of a model as it lies there now; reads it whole the first time.

        UserError MODEL_MISSING if it is gone, MODEL_CORRUPT if it changes while it is read; else as `all_files`.
        """
        try:
            before = _version(entry)
            if (kept := self._kept(entry.id, *before)) is not None:
                return kept
            hashed = _of_folder(entry.path, on_bytes) if entry.layout == "diffusers" else _of_file(entry.path, on_bytes)
            after = _version(entry)
        except OSError as error:
            raise UserError(
                "MODEL_MISSING", f"{entry.name} cannot be read ({error.strerror}).", "Is its drive still there?"
            ) from None
        if before != after:
            raise UserError("MODEL_CORRUPT", f"{entry.name} changed while it was read.", "Try again when it is whole.")
        self._database.connection().execute(
            "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", (entry.id, *after, hashed.sha256, hashed.autov3)
        )
        return hashed

    def without(self, entries: Iterable[CatalogEntry]) -> list[CatalogEntry]:
        """Those of the entries whose hashes are not known, asked in one go."""
        rows = self._database.connection().execute("SELECT id, size, mtime_ns FROM hashes")
        known = {tuple(row) for row in rows}
        return [entry for entry in entries if (entry.id, entry.size, entry.mtime_ns) not in known]

    def ids(self, start: str) -> set[str]:
        """The ids of all models whose SHA-256, or AutoV3, begins with these hex digits."""
        end = start + "g"  # behind every hex digit
        rows = self._database.connection().execute(
            "SELECT id FROM hashes WHERE sha256 >= ? AND sha256 < ? UNION "
            "SELECT id FROM hashes WHERE autov3 >= ? AND autov3 < ?",
            (start, end, start, end),
        )
        return {row[0] for row in rows}

    def _kept(self, identity: str, size: int, mtime_ns: int) -> Hashed | None:
        row = (
            self._database.connection()
            .execute(
                "SELECT sha256, autov3 FROM hashes WHERE id = ? AND size = ? AND mtime_ns = ?",
                (identity, size, mtime_ns),
            )
            .fetchone()
        )
        return None if row is None else Hashed(*row)


def _version(entry: CatalogEntry) -> tuple[int, int]:
    """(size, version) of the weights as they lie there now, as the scan writes them into an entry."""
    if entry.layout == "file":
        status = entry.path.stat()
        return status.st_size, status.st_mtime_ns
    return folder_version(entry.path)


def _of_file(file: Path, on_bytes: OnBytes) -> Hashed:
    whole, body = hashlib.sha256(), hashlib.sha256()
    with file.open("rb") as stream:
        if file.suffix.lower() in WEIGHTS:
            start = stream.read(8)
            whole.update(start + stream.read(min(int.from_bytes(start, "little"), LARGEST_HEADER)))
        while block := stream.read(BLOCK):
            whole.update(block)
            body.update(block)
            on_bytes(len(block))
    return Hashed(whole.hexdigest(), body.hexdigest())


def _of_folder(folder: Path, on_bytes: OnBytes) -> Hashed:
    """Over the bytes of the weight files, one after another in the order of their paths."""
    digest = hashlib.sha256()
    for file in weights.all_files(folder):
        with file.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
                on_bytes(len(block))
    return Hashed(digest.hexdigest())
