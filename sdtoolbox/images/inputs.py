"""Pictures, masks and videos that people bring: their files as they came, by id, never by name or path."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.images.opening import FORMATS, file_bytes, opened
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.frames import MOST_FRAMES, facts_of
from sdtoolbox.images.video.opening import NAMES as VIDEOS
from sdtoolbox.images.video.opening import is_video, suffix_of
from sdtoolbox.images.writing import open_within, remove_halves, write_hashed

InputKind: TypeAlias = Literal["picture", "mask", "video"]
SUFFIXES = {"PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif", "AVIF": ".avif"}
JPEG = ".jpg"
"""All others: Pillow has another name for JPEGs of several pictures, which many cameras write."""
LONGEST_NAME = 120
PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Input:
    """A stored input: `id` is 128 bits of the SHA-256 of its bytes, in hex; its size in pixels is that seen upright."""

    id: str
    kind: InputKind
    name: str
    width: int
    height: int
    created: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class InputStore:
    """The folder of inputs and its index."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database

    def add(self, source: bytes | Path, kind: InputKind = "picture", name: str = "") -> Input:
        """Keep a picture file, as it is, and give it an id; the same bytes are kept once.

        A video that comes as a picture, or as a video, is kept as a video: who uses it says whether it takes one.

        `name` is what people call it; a file's own if it is empty. UserError IMAGE_INVALID or IMAGE_TOO_LARGE for what
        cannot be read, DISK_FULL when there is no room.
        """
        if kind != "mask" and is_video(source):
            return self._add_video(source, name)
        if kind == "video":
            raise UserError("IMAGE_INVALID", "this is not a video that can be read.", f"Use {VIDEOS}.")
        data = file_bytes(source)
        width, height = Raster.read(data).size
        identity = hashlib.sha256(data).hexdigest()[:32]
        suffix = SUFFIXES.get(str(opened(data, FORMATS).format), JPEG)
        file = f"{identity[:2]}/{identity}{suffix}"
        self._write(self.folder / file, [data])
        return self._index(file, Input(identity, kind, _shown(name, source), width, height, time.time()))

    def _add_video(self, source: bytes | Path, name: str) -> Input:
        facts = facts_of(source)
        if facts.frames > MOST_FRAMES:
            said = f"the video has {facts.frames} frames."
            raise UserError("IMAGE_TOO_LARGE", said, f"At most {MOST_FRAMES}: cut it into parts first.")
        digest = hashlib.sha256()
        for piece in _pieces(source):
            digest.update(piece)
        identity = digest.hexdigest()[:32]
        file = f"{identity[:2]}/{identity}{suffix_of(source)}"
        self._write(self.folder / file, _pieces(source))
        return self._index(file, Input(identity, "video", _shown(name, source), *facts.size, time.time()))

    def _index(self, file: str, added: Input) -> Input:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO inputs (id, kind, name, path, width, height, created) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id, kind) DO UPDATE SET name = excluded.name, created = excluded.created",
                (added.id, added.kind, added.name, file, added.width, added.height, added.created),
            )
        return added

    def _write(self, target: Path, pieces: Iterable[bytes]) -> None:
        if target.is_file():
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_hashed(target.parent, pieces, lambda digest: target)
        except OSError as error:
            said = f"the file could not be kept: {error.strerror}."
            raise UserError("DISK_FULL", said, "Make room, then send it again.") from None

    def find(self, identity: str) -> Path | None:
        """The file of an input as it came; None if there is none of this id."""
        row = self._row(identity)
        path = None if row is None else open_within(self.folder, row["path"])
        return path if path is not None and path.is_file() else None

    def size(self, identity: str) -> tuple[int, int] | None:
        """Width and height in pixels, upright; None if there is no input of this id."""
        row = self._row(identity)
        return None if row is None else (int(row["width"]), int(row["height"]))

    def list(self, kind: InputKind | None = None, limit: int = 100) -> list[Input]:
        """The newest inputs, the newest first; only those of one kind if said."""
        rows = self._database.connection().execute(
            "SELECT id, kind, name, width, height, created FROM inputs WHERE ? IS NULL OR kind = ? "
            "ORDER BY created DESC, id LIMIT ?",
            (kind, kind, limit),
        )
        return [Input(**dict(row)) for row in rows]

    def reconcile(self) -> tuple[int, int]:
        """As `ImageStore.reconcile`: half-written files and rows without a file go; how many of each."""
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            return 0, 0
        rows = self._database.connection().execute("SELECT id, path FROM inputs").fetchall()
        lost = {row["id"] for row in rows if not (self.folder / row["path"]).is_file()}
        with self._database.transaction() as connection:
            for identity in lost:
                connection.execute("DELETE FROM inputs WHERE id = ?", (identity,))
        return remove_halves(self.folder), len(lost)

    def _row(self, identity: str) -> Any:
        found = self._database.connection().execute("SELECT path, width, height FROM inputs WHERE id = ?", (identity,))
        return found.fetchone()


def _shown(name: str, source: bytes | Path) -> str:
    return _clean(name or (source.name if isinstance(source, Path) else ""))


def _pieces(source: bytes | Path) -> Iterator[bytes]:
    """The bytes of a file that may be larger than the memory."""
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _clean(name: str) -> str:
    """A name to show: no folder, one line, not endless, valid text."""
    last = re.split(r"[/\\]", name.encode("utf-8", "replace").decode("utf-8"))[-1]
    plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in last)
    return " ".join(unicodedata.normalize("NFC", plain).split())[:LONGEST_NAME]
