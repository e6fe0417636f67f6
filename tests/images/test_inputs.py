"""What people bring is kept as it came, once, under an id; nothing that is no picture gets in."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.images.inputs import InputStore
from sdtoolbox.images.masks import read_mask
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.store import ImageStore
from tests.images.pictures import saved, turned

HOUSE = Image.new("RGB", (20, 10), "teal")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "outputs", Database(tmp_path / "a.sqlite3"))


@pytest.fixture
def inputs(store: ImageStore) -> InputStore:
    return store.inputs


@pytest.mark.parametrize(("format", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_the_bytes_stay_what_they_are(store: ImageStore, format: str, suffix: str) -> None:
    data = saved(HOUSE, format)
    added = store.inputs.add(data, name="a house")
    assert added.id == hashlib.sha256(data).hexdigest()[:32]
    assert (added.width, added.height, added.kind, added.name) == (20, 10, "picture", "a house")
    path = store.path(added.id)
    assert path.read_bytes() == data and path.suffix == suffix
    assert path.is_relative_to(store.folder.parent / "inputs")
    assert store.output(added.id) is None


def test_a_cameras_file_of_several_pictures_is_a_jpeg(store: ImageStore) -> None:
    data = saved(HOUSE, "MPO", save_all=True, append_images=[Image.new("RGB", (20, 10), "red")])
    added = store.inputs.add(data)
    assert (added.width, added.height) == (20, 10) and store.path(added.id).suffix == ".jpg"
    assert np.abs(Raster.read(data).pixels.astype(int) - np.asarray(HOUSE)).max() < 8
    assert read_mask(data, (20, 10)).shape == (10, 20)


def test_the_size_is_that_seen_upright(store: ImageStore) -> None:
    added = store.inputs.add(turned(HOUSE, 6))
    assert (added.width, added.height) == store.size(added.id) == (20, 10)
    with Image.open(store.path(added.id)) as image:
        assert image.size == (10, 20)


def test_outputs_are_found_by_the_same_calls(store: ImageStore) -> None:
    stored = store.write([b"picture"], width=4, height=3, request={}, stem="1")
    with store._database.transaction() as connection:
        store.index(connection, stored)
    assert store.size(stored.id) == (4, 3)
    assert store.path(stored.id) == store.output(stored.id)
    for identity in ("0" * 32, "../x", ""):
        for ask in (store.path, store.size):
            with pytest.raises(UserError, match="no picture") as caught:
                ask(identity)
            assert caught.value.code == "IMAGE_INVALID"


def test_the_same_bytes_are_kept_once_and_may_be_both(inputs: InputStore) -> None:
    data = saved(HOUSE)
    first, mask, again = inputs.add(data), inputs.add(data, "mask"), inputs.add(data, name="later")
    assert first.id == mask.id == again.id
    assert len([path for path in inputs.folder.rglob("*") if path.is_file()]) == 1
    assert [one.name for one in inputs.list("picture")] == ["later"]
    assert [one.kind for one in inputs.list()] == ["picture", "mask"]


def test_the_newest_come_first(inputs: InputStore) -> None:
    added = [inputs.add(saved(Image.new("L", (4, 4), grey))).id for grey in range(5)]
    assert [one.id for one in inputs.list(limit=3)] == added[:1:-1]
    assert inputs.list("mask") == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\Users\\me\\house.png", "house.png"),
        ("/home/me/house.png", "house.png"),
        ("a\0b\n\u202ec", "a b c"),
        ("x" * 500, "x" * 120),
        ("\ud800.png", "?.png"),
    ],
)
def test_names_are_one_line_without_a_folder(inputs: InputStore, name: str, shown: str) -> None:
    inputs.add(saved(HOUSE), name=name)
    assert inputs.list()[0].name == shown


def test_a_file_is_called_as_it_is(inputs: InputStore, tmp_path: Path) -> None:
    (tmp_path / "my house.png").write_bytes(saved(HOUSE))
    assert inputs.add(tmp_path / "my house.png").name == "my house.png"


@pytest.mark.parametrize("data", [b"", b"<html>", saved(HOUSE)[:50], saved(HOUSE, "PPM"), saved(HOUSE, "PCX")])
def test_what_is_no_picture_does_not_get_in(inputs: InputStore, data: bytes) -> None:
    with pytest.raises(UserError) as caught:
        inputs.add(data)
    assert caught.value.code == "IMAGE_INVALID"
    assert inputs.list() == [] and not inputs.folder.exists()


def test_a_full_disk_is_said_in_words(inputs: InputStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space") as caught:
        inputs.add(saved(HOUSE))
    assert caught.value.code == "DISK_FULL"
    assert [path for path in inputs.folder.rglob("*") if path.is_file()] == []


def test_rows_without_a_file_go(store: ImageStore) -> None:
    kept, lost = (store.inputs.add(saved(HOUSE, format)) for format in ("PNG", "JPEG"))
    store.path(lost.id).unlink()
    half = store.path(kept.id).with_name(".half.part")
    half.write_bytes(b"")
    os.utime(half, (1, 1))
    assert store.reconcile() == (1, 1)
    assert [one.id for one in store.inputs.list()] == [kept.id]
    assert store.path(kept.id).is_file() and not half.exists()
