"""Hashes are those that everybody computes, are kept for a version, and reading can be ended."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.hashes import Hashes
from sdtoolbox.models.scan import find_models
from tests.models.files import VAE, lora, write, write_folder


@pytest.fixture
def hashes(tmp_path: Path) -> Iterator[Hashes]:
    database = Database(tmp_path / "home" / "db.sqlite3")
    yield Hashes(database)
    database.close()


def entry(folder: Path) -> CatalogEntry:
    (found,) = find_models(folder)
    return CatalogEntry(
        id=found.id,
        name=found.name,
        kind="lora",
        base="sd1",
        state="ready",
        path=found.path,
        layout=found.layout,
        size=found.size,
        mtime_ns=found.mtime_ns,
    )


def test_of_a_file(tmp_path: Path, hashes: Hashes) -> None:
    file = write(tmp_path / "m" / "ink.safetensors", lora(), {"a": "b"}, fill=7)
    hashed = hashes.computed(entry(tmp_path / "m"))
    data = file.read_bytes()
    assert hashed.sha256 == hashlib.sha256(data).hexdigest()
    header = 8 + int.from_bytes(data[:8], "little")
    assert hashed.autov3 == hashlib.sha256(data[header:]).hexdigest()


def test_of_a_folder(tmp_path: Path, hashes: Hashes) -> None:
    folder = write_folder(tmp_path / "m" / "a")
    parts = ["text_encoder/model", "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model"]
    data = b"".join((folder / f"{part}.safetensors").read_bytes() for part in parts)
    one = entry(tmp_path / "m")
    hashed = hashes.computed(one)
    assert (hashed.sha256, hashed.autov3) == (hashlib.sha256(data).hexdigest(), "")
    assert hashes.known(one) == hashed


def test_of_a_folder_every_part_counts_and_one_part_may_be_all(tmp_path: Path, hashes: Hashes) -> None:
    folder = write_folder(tmp_path / "m" / "xl")
    seen = {hashes.computed(entry(tmp_path / "m")).sha256}
    for fill in (1, 2):
        write(folder / "text_encoder_2" / "model.safetensors", {"final_layer_norm.weight": (1,)}, fill=fill)
        seen.add(hashes.computed(entry(tmp_path / "m")).sha256)
    assert len(seen) == 3
    shutil.rmtree(folder / "text_encoder")  # as in a refiner
    assert hashes.computed(entry(tmp_path / "m")).sha256 not in seen
    file = write(tmp_path / "v" / "vae" / "diffusion_pytorch_model.safetensors", VAE)
    (file.parent / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    assert hashes.computed(entry(tmp_path / "v")).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_of_a_folder_whose_part_is_replaced_by_an_older_one_of_the_same_size(tmp_path: Path, hashes: Hashes) -> None:
    folder = write_folder(tmp_path / "m" / "a")
    before = entry(tmp_path / "m")
    first = hashes.computed(before)
    file = write(folder / "vae" / "diffusion_pytorch_model.safetensors", VAE, fill=1)
    os.utime(file, (1, 1))  # as copying with times and unpacking leave it
    after = entry(tmp_path / "m")
    assert after.size == before.size
    assert hashes.known(after) is None
    assert hashes.computed(before).sha256 != first.sha256


def test_endings_are_known_in_any_case(tmp_path: Path, hashes: Hashes) -> None:
    file = write(tmp_path / "m" / "ink.safetensors", lora(), fill=7)
    wanted = hashes.computed(entry(tmp_path / "m"))
    file.rename(file.with_name("INK.SafeTensors"))
    assert hashes.computed(entry(tmp_path / "m")) == wanted


def test_a_version_is_read_once(tmp_path: Path, hashes: Hashes, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "m" / "ink.safetensors", lora())
    one = entry(tmp_path / "m")
    assert hashes.known(one) is None
    assert hashes.without([one]) == [one]
    first = hashes.computed(one)
    assert hashes.without([one]) == []
    monkeypatch.setattr("sdtoolbox.models.hashes._of_file", lambda *_: pytest.fail("read again"))
    assert hashes.computed(one) == hashes.known(one) == first
    monkeypatch.undo()
    write(file, lora(1024))
    assert hashes.computed(one) != first  # as the file is now, not as the entry says
    assert hashes.known(entry(tmp_path / "m")) == hashes.computed(one)


def test_a_file_that_changes_under_the_reader_is_not_kept(tmp_path: Path, hashes: Hashes) -> None:
    file = write(tmp_path / "m" / "ink.safetensors", lora())
    one = entry(tmp_path / "m")
    with pytest.raises(UserError, match="changed while it was read"):
        hashes.computed(one, lambda size: os.utime(file, ns=(1, 1)))
    assert hashes.known(one) is None


def test_a_file_that_is_gone_says_so(tmp_path: Path, hashes: Hashes) -> None:
    file = write(tmp_path / "m" / "ink.safetensors", lora())
    one = entry(tmp_path / "m")
    file.unlink()
    with pytest.raises(UserError, match="cannot be read") as caught:
        hashes.computed(one)
    assert caught.value.code == "MODEL_MISSING"


def test_prefixes_find_ids(tmp_path: Path, hashes: Hashes) -> None:
    write(tmp_path / "m" / "ink.safetensors", lora(), fill=1)
    one = entry(tmp_path / "m")
    hashed = hashes.computed(one)
    for start in (hashed.sha256[:8], hashed.sha256, hashed.autov3[:12]):
        assert hashes.ids(start) == {one.id}
    assert hashes.ids("0" * 9) == set()
