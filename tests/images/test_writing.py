"""A file is whole or absent, and no name leads out of a folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.images.writing import open_within, remove_halves, write_whole


def test_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to("/etc")
    for name in ("../x", "/etc/passwd", "link/passwd"):
        with pytest.raises(UserError):
            open_within(tmp_path / "in", name)
    assert open_within(tmp_path / "in", "a/b.png") == (tmp_path / "in" / "a" / "b.png").resolve()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a.png", b"data")
    assert list(tmp_path.iterdir()) == []


def test_only_old_halves_are_removed(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    old, young, whole = (tmp_path / "day" / name for name in (".a.part", ".b.part", "c.png"))
    for path in (old, young, whole):
        path.write_bytes(b"x")
    for path in (old, whole):
        os.utime(path, (time.time() - 3600,) * 2)
    assert remove_halves(tmp_path) == 1
    assert sorted(path.name for path in (tmp_path / "day").iterdir()) == [".b.part", "c.png"]
