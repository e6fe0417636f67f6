"""Files that a power cut leaves whole or absent, below a folder that no name leads out of."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sdtoolbox.errors import UserError
from sdtoolbox.faults import reach

YOUNG = 60
"""Seconds during which a half-written file is left alone: another process may be writing it right now."""


def open_within(root: Path, name: str) -> Path:
    """`root/name`, refused with IMAGE_INVALID if that lies outside `root` by dots, links or an absolute path."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise UserError("IMAGE_INVALID", "that file is outside the store.", "")
    return path


def write_whole(target: Path, data: bytes) -> None:
    """Write a file so that after a crash it is whole or absent; OSError if that fails, with nothing left behind."""
    write_hashed(target.parent, [data], lambda digest: target)


def write_hashed(folder: Path, pieces: Iterable[bytes], target: Callable[[str], Path | None]) -> None:
    """As `write_whole`, piece by piece; `target` says where in the folder, given the SHA-256 of them all in hex.

    Nothing is kept if it says None.
    """
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        digest = hashlib.sha256()
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        reach("save.before_rename")
        place = target(digest.hexdigest())
        if place is None:
            Path(temporary).unlink()
            return
        os.replace(temporary, place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name != "nt":  # Windows cannot open folders; its rename is durable by itself
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    reach("save.after_rename")


def remove_halves(folder: Path, pattern: str = "*/.*.part") -> int:
    """Remove what a crash left half-written in the folders directly below; how many files."""
    old = [path for path in folder.glob(pattern) if time.time() - path.stat().st_mtime > YOUNG]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
