"""Models are found in place, listed with what they are, found by name or hash, and refused in words."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import Code, UserError
from sdtoolbox.models import catalog as catalog_module
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import Kind
from tests.models.files import VAE, lora, write, write_folder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "home" / "db.sqlite3")
    yield opened
    opened.close()


def test_a_folder_is_listed_with_its_own_defaults_over_the_familys(tmp_path: Path) -> None:
    write_folder(tmp_path / "deep/er/small", own={"name": "Small", "defaults": {"width": 128, "steps": 12}})
    found = Catalog([tmp_path]).find("small")
    assert (found.name, found.base, found.state) == ("Small", "sd1", "ready")
    assert (found.defaults["width"], found.defaults["steps"], found.defaults["height"]) == (128, 12, 512)
    assert "path" not in found.public()


@pytest.mark.parametrize("name", ["a", "A", " a "])
def test_names_and_ids_find_it(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "a")
    catalog = Catalog([tmp_path])
    assert catalog.find(name) == catalog.find(catalog.find("a").id) == catalog.find(None)
    assert catalog.get(catalog.find("a").id) == catalog.find("a")


def test_a_file_is_found_with_and_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path / "v1.5 ink.safetensors", lora())
    catalog = Catalog([tmp_path])
    assert catalog.find("v1.5 INK", "lora") == catalog.find("v1.5 ink.safetensors", "lora")


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    write_folder(tmp_path / "a")
    with pytest.raises(UserError, match=r"there is no checkpoint 'b'\. There are: a\.") as caught:
        Catalog([tmp_path]).find("b")
    assert (caught.value.code, caught.value.field) == ("MODEL_MISSING", "checkpoint")


def test_among_many_only_near_names_are_told(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / f"style{number}.safetensors", lora())
    write(tmp_path / "Watercolor.safetensors", lora())
    with pytest.raises(UserError, match=r"Near it are: Watercolor\.") as caught:
        Catalog([tmp_path]).find("watercolour", "lora", "prompt")
    assert caught.value.field == "prompt"


def test_an_ambiguous_name_lists_the_candidates(tmp_path: Path) -> None:
    write_folder(tmp_path / "x/a")
    write_folder(tmp_path / "y/a")
    catalog = Catalog([tmp_path])
    with pytest.raises(UserError, match="more than one checkpoint") as caught:
        catalog.find("a")
    for checkpoint in catalog:
        assert checkpoint.id in caught.value.hint


def test_of_two_kinds_with_one_name_the_wanted_one_is_meant(tmp_path: Path) -> None:
    write(tmp_path / "Lora" / "ink.safetensors", lora())
    write(tmp_path / "VAE" / "ink.safetensors", VAE)
    catalog = Catalog([tmp_path])
    assert catalog.find("ink", "lora").kind == "lora"
    assert catalog.find("ink", "vae").kind == "vae"
    with pytest.raises(UserError, match="more than one"):
        catalog.find("ink")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("checkpoint", "soft is a VAE, not a checkpoint."),
        ("lora", "soft is a VAE, not a LoRA."),
    ],
)
def test_another_kind_is_called_by_its_name(tmp_path: Path, wanted: Kind, sentence: str) -> None:
    write(tmp_path / "soft.safetensors", VAE)
    with pytest.raises(UserError) as caught:
        Catalog([tmp_path]).find("soft", wanted)
    assert (caught.value.code, caught.value.message) == ("MODEL_TYPE", sentence)


@pytest.mark.parametrize(
    ("options", "reason", "code"),
    [
        ({"index": {"_class_name": "FluxPipeline"}}, "FluxPipeline are not supported", "MODEL_TYPE"),
        ({"channels": 7}, "takes 7 channels", "MODEL_TYPE"),
        ({"index": [1]}, "cannot be read", "MODEL_CORRUPT"),
        ({"own": [1]}, "sdtoolbox.json cannot be read", "MODEL_CORRUPT"),
    ],
)
def test_what_cannot_draw_says_why(tmp_path: Path, options: dict[str, object], reason: str, code: Code) -> None:
    write_folder(tmp_path / "a", **options)  # type: ignore[arg-type]
    catalog = Catalog([tmp_path])
    assert [reason in c.reason for c in catalog] == [True]
    with pytest.raises(UserError, match="a cannot be used: ") as caught:
        catalog.find("a")
    assert caught.value.code == code


def test_a_pickle_is_listed_and_refused(tmp_path: Path) -> None:
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x02anything")
    catalog = Catalog([tmp_path])
    assert [(c.name, c.kind, c.state) for c in catalog] == [("old", "unknown", "needs_conversion")]
    with pytest.raises(UserError, match="sdtoolbox models convert old") as caught:
        catalog.find("old")
    assert caught.value.code == "MODEL_UNSAFE"


def test_a_part_that_comes_from_elsewhere_may_be_missing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "vae").rmdir()
    catalog = Catalog([tmp_path])
    assert next(iter(catalog)).state == "incomplete"
    assert catalog.find("a", given=("vae",)).name == "a"
    with pytest.raises(UserError, match=r"it lacks .*VAE") as caught:
        catalog.find("a")
    assert caught.value.code == "MODEL_TYPE"


def test_the_preferred_one_is_the_default(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_folder(tmp_path / name)
    assert Catalog([tmp_path], preferred="b").find(None).name == "b"
    assert Catalog([tmp_path], preferred="c").find(None).name == "a"


def test_no_checkpoint_at_all_says_where_to_put_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="models/checkpoints"):
        Catalog([tmp_path]).find(None)


@pytest.mark.parametrize("digits", [8, 10, 64])
def test_a_hash_finds_it(tmp_path: Path, digits: int) -> None:
    write(tmp_path / "one.safetensors", lora(), fill=1)
    file = write(tmp_path / "two.safetensors", lora(), fill=2)
    catalog = Catalog([tmp_path])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert catalog.find(digest[:digits].upper(), "lora").name == "two"
    with pytest.raises(UserError, match="there is no LoRA"):
        catalog.find("0" * digits, "lora")


def test_autov3_finds_a_file_whatever_its_header_says(tmp_path: Path) -> None:
    file = write(tmp_path / "one.safetensors", lora(), {"title": "x"}, fill=3)
    catalog = Catalog([tmp_path])
    body = hashlib.sha256(bytes([3]) * (2 * (4 * 768 + 320 * 4 + 1))).hexdigest()
    assert catalog.autov3(catalog.find("one", "lora")) == body
    assert catalog.find(body[:12], "lora").path == file
    with pytest.raises(UserError):  # so few digits are meant as a SHA-256
        catalog.find(body[:9], "lora")


def test_unknown_hashes_are_not_looked_for_among_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.safetensors", lora(), fill=number)
    catalog = Catalog([tmp_path])
    digest = hashlib.sha256((tmp_path / "1.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(catalog_module, "FEW_TO_HASH", 2)
    with pytest.raises(UserError):
        catalog.find(digest, "lora")
    assert catalog.hashes(catalog.find("1", "lora")) == {}
    catalog.sha256(catalog.find("1", "lora"))
    assert catalog.find(digest, "lora").name == "1"


def test_copies_of_a_file_are_one_to_its_hash(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / f"{name}.safetensors", lora())
    catalog = Catalog([tmp_path])
    digest = catalog.sha256(catalog.find("one", "lora"))
    catalog.sha256(catalog.find("two", "lora"))
    assert catalog.find(digest, "lora").name in ("one", "two")


def test_known_files_are_listed_without_being_opened(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "models" / "ink.safetensors", lora(), {"modelspec.trigger_phrase": "ink, wash"})
    write_folder(tmp_path / "models" / "a", own={"defaults": {"steps": 3}})
    before = list(Catalog([tmp_path / "models"], database))
    monkeypatch.setattr("sdtoolbox.models.scanning.describe", lambda found: pytest.fail(f"{found.name} was opened"))
    catalog = Catalog([tmp_path / "models"], database)
    assert list(catalog) == before
    assert {one.name for one in before} == {"ink", "a"}
    catalog.refresh()
    assert list(catalog) == before


def test_what_another_process_finds_or_loses_is_seen(tmp_path: Path, database: Database) -> None:
    ours, theirs = (Catalog([tmp_path / "models"], database) for _ in range(2))
    assert list(ours) == list(theirs) == []
    file = write(tmp_path / "models" / "ink.safetensors", lora())
    theirs.refresh()
    assert ours.find("ink", "lora").rank == 4
    theirs.annotate(ours.find("ink", "lora").id, tags=["wash"])
    assert ours.find("ink", "lora").tags == ("wash",)
    file.unlink()
    theirs.refresh()
    assert list(ours) == []


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    file = write(tmp_path / "ink.safetensors", lora())
    catalog = Catalog([tmp_path])
    before = catalog.find("ink", "lora")
    first = catalog.sha256(before)
    write(file, lora(2048))
    os.utime(file, ns=(before.mtime_ns + 10**9, before.mtime_ns + 10**9))
    catalog.refresh()
    after = catalog.find("ink", "lora")
    assert (before.base, after.base, before.id) == ("sd1", "sdxl", after.id)
    assert catalog.sha256(after) != first


def test_a_new_folder_with_much_in_it_does_not_hold_anybody_up(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "models" / "ink.safetensors", lora())
    monkeypatch.setattr(catalog_module, "SECONDS_AT_FIRST", -1.0)
    catalog = Catalog([tmp_path / "models"], database)
    assert list(catalog) == []
    catalog.refresh()
    assert [one.name for one in catalog] == ["ink"]


def test_annotations_stand_over_the_files_and_outlive_them(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "models"
    write_folder(folder / "a", own={"trigger_words": ["own"]})
    catalog = Catalog([folder], database)
    identity = catalog.find("a").id
    changed = catalog.annotate(identity, tags=["fine"], notes="mine", trigger_words=["theirs"], defaults={"steps": 9})
    assert (changed.tags, changed.notes, changed.trigger_words) == (("fine",), "mine", ("theirs",))
    assert (changed.defaults["steps"], changed.defaults["width"]) == (9, 512)
    (folder / "a").rename(tmp_path / "away")
    catalog.refresh()
    assert list(catalog) == []
    (tmp_path / "away").rename(folder / "a")
    catalog.refresh()
    assert catalog.get(identity).notes == "mine"
    assert catalog.annotate(identity, trigger_words=[], notes="").trigger_words == ("own",)
    assert catalog.get(identity).notes == ""


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"defaults": {"steps": 0}}, "steps"),
        ({"defaults": {"checkpoint": "a"}}, "defaults"),
        ({"defaults": {"steps": float("nan")}}, "defaults"),
        ({"notes": "\0"}, "notes"),
        ({"tags": ["x" * 501]}, "tags"),
    ],
)
def test_wrong_annotations_are_named(tmp_path: Path, values: dict[str, object], field: str) -> None:
    write_folder(tmp_path / "a")
    catalog = Catalog([tmp_path])
    with pytest.raises(UserError) as caught:
        catalog.annotate(catalog.find("a").id, **values)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert catalog.find("a").notes == ""


@pytest.mark.parametrize("beside", ["ink.preview.png", "ink.jpg", "ink.webp"])
def test_a_picture_beside_a_file_is_its_preview(tmp_path: Path, beside: str) -> None:
    write(tmp_path / "ink.safetensors", lora())
    catalog = Catalog([tmp_path])
    entry = catalog.find("ink", "lora")
    assert catalog.preview(entry) is None
    (tmp_path / beside).write_bytes(b"picture")
    assert catalog.preview(entry) == tmp_path / beside


def test_search_puts_names_that_begin_so_first(tmp_path: Path) -> None:
    for name in ("old ink", "ink", "robot"):
        write(tmp_path / f"{name}.safetensors", lora())
    (tmp_path / "robot.json").write_text(json.dumps({"activation text": "drawn in ink"}))
    write(tmp_path / "soft.safetensors", VAE)
    catalog = Catalog([tmp_path])
    assert [one.name for one in catalog.search("INK")] == ["ink", "old ink", "robot"]
    assert [one.name for one in catalog.search("ink old")] == ["old ink"]
    assert [one.name for one in catalog.search(kind="vae")] == ["soft"]
    assert [one.name for one in catalog.search(base="sd1", limit=1, offset=1)] == ["old ink"]
    assert catalog.search("nothing") == []


def test_the_background_finds_and_hashes(tmp_path: Path, database: Database) -> None:
    from tests.web import wait_until

    file = write(tmp_path / "models" / "ink.safetensors", lora())
    catalog = Catalog([tmp_path / "models"], database)
    catalog.start_scanning()
    try:
        wait_until(lambda: bool(catalog.hashes(catalog.find("ink", "lora"))))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        known = catalog.hashes(catalog.find("ink", "lora"))
        assert (known["sha256"], known["short"]) == (digest, digest[:10])
        write(tmp_path / "models" / "new.safetensors", lora())
        catalog.rescan()
        wait_until(lambda: len(list(catalog)) == 2)
    finally:
        catalog.close()
    assert not catalog.scanning
