"""Whole files or none, ids from bytes, nothing outside the folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.images import store as store_module
from sdtoolbox.images.store import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "outputs", Database(tmp_path / "a.sqlite3"))


def put(store: ImageStore, data: bytes = b"picture") -> store_module.Stored:
    stored = store.write([data], width=4, height=4, request={"seed": 1}, stem="00001-1")
    with store._database.transaction() as connection:
        store.index(connection, stored)
    return stored


def test_a_picture_is_found_by_its_id(store: ImageStore) -> None:
    stored = put(store)
    assert len(stored.id) == 32
    assert store.path(stored.id).read_bytes() == b"picture"


def test_the_same_bytes_are_stored_once(store: ImageStore) -> None:
    assert put(store) == put(store)
    assert len(list(store.folder.rglob("*.png"))) == 1


@pytest.mark.parametrize("identity", ["0" * 32, "../../etc/passwd", "", "x" * 5000])
def test_an_unknown_id_is_said_in_words(store: ImageStore, identity: str) -> None:
    with pytest.raises(UserError) as caught:
        store.path(identity)
    assert caught.value.code == "IMAGE_INVALID"


def test_a_full_disk_is_said_in_words(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError) as caught:
        put(store)
    assert caught.value.code == "DISK_FULL"


def test_reconcile_mends_both_ways(store: ImageStore) -> None:
    kept, lost = put(store, b"kept"), put(store, b"lost")
    store.path(lost.id).unlink()
    half = store.path(kept.id).with_name(".half.part")
    half.write_bytes(b"")
    os.utime(half, (time.time() - 3600,) * 2)
    young = half.with_name(".young.part")  # another process may be writing it right now
    young.write_bytes(b"")
    assert store.reconcile() == (1, 1)
    assert not half.exists()
    assert young.exists()
    assert store.path(kept.id).is_file()
    with pytest.raises(UserError):
        store.path(lost.id)


def test_a_disk_that_is_not_there_costs_no_row(store: ImageStore) -> None:
    stored = put(store)
    away = store.folder.rename(store.folder.with_name("unmounted"))
    assert store.reconcile() == (0, 0)
    store.folder.mkdir()
    assert store.reconcile() == (0, 0)
    store.folder.rmdir()
    away.rename(store.folder)
    assert store.path(stored.id).is_file()


def test_a_view_is_kept_as_long_as_its_picture(store: ImageStore) -> None:
    kept, lost = put(store, b"kept"), put(store, b"lost")
    for one in (kept, lost):
        assert store.view(one.id) is None
        store.add_view(one.id, b"small")
    path = store.view(kept.id)
    assert path is not None and path.read_bytes() == b"small"
    store.path(lost.id).unlink()
    store.reconcile()
    assert store.view(lost.id) is None and store.view(kept.id) is not None


def test_a_scratch_file_has_no_name(store: ImageStore) -> None:
    with store.scratch() as file:
        file.write(b"half a film")
        assert list(store.folder.iterdir()) == [], "whoever is killed now leaves nothing"
        file.seek(0)
        assert file.read() == b"half a film"
