"""Folders are found in place, recognised from their own files, and explained when they cannot draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog

PARTS = ("unet", "vae", "text_encoder", "tokenizer")


def make(folder: Path, name: str, *, index: object = None, channels: int = 4, own: object = None) -> Path:
    path = folder / name
    for part in PARTS:
        (path / part).mkdir(parents=True)
    (path / "unet" / "config.json").write_text(json.dumps({"in_channels": channels}))
    (path / "model_index.json").write_text(json.dumps(index or {"_class_name": "StableDiffusionPipeline"}))
    if own is not None:
        (path / "sdtoolbox.json").write_text(json.dumps(own))
    return path


def test_a_folder_is_listed_with_its_own_defaults_over_the_familys(tmp_path: Path) -> None:
    make(tmp_path, "deep/er/small", own={"name": "Small", "defaults": {"width": 128, "steps": 12}})
    found = Catalog([tmp_path]).find("small")
    assert (found.name, found.base, found.state) == ("Small", "sd1", "ready")
    assert (found.defaults["width"], found.defaults["steps"], found.defaults["height"]) == (128, 12, 512)
    assert "path" not in found.public()


@pytest.mark.parametrize("name", ["a", "A", " a "])
def test_names_and_ids_find_it(tmp_path: Path, name: str) -> None:
    make(tmp_path, "a")
    catalog = Catalog([tmp_path])
    assert catalog.find(name) == catalog.find(catalog.find("a").id) == catalog.find(None)


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    make(tmp_path, "a")
    with pytest.raises(UserError, match=r"there is no checkpoint 'b'\. There are: a\.") as caught:
        Catalog([tmp_path]).find("b")
    assert (caught.value.code, caught.value.field) == ("MODEL_MISSING", "checkpoint")


def test_an_ambiguous_name_lists_the_candidates(tmp_path: Path) -> None:
    make(tmp_path, "x/a")
    make(tmp_path, "y/a")
    catalog = Catalog([tmp_path])
    with pytest.raises(UserError, match="more than one") as caught:
        catalog.find("a")
    for checkpoint in catalog:
        assert checkpoint.id in caught.value.hint


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"index": {"_class_name": "FluxPipeline"}}, "FluxPipeline are not supported"),
        ({"channels": 9}, "takes 9 channels"),
        ({"index": [1]}, "cannot be read"),
        ({"own": [1]}, "cannot be read"),
    ],
)
def test_what_cannot_draw_says_why(tmp_path: Path, options: dict[str, object], reason: str) -> None:
    make(tmp_path, "a", **options)  # type: ignore[arg-type]
    catalog = Catalog([tmp_path])
    assert [reason in c.reason for c in catalog] == [True]
    with pytest.raises(UserError) as caught:
        catalog.find("a")
    assert caught.value.code == "MODEL_TYPE"


def test_missing_parts_are_named(tmp_path: Path) -> None:
    (make(tmp_path, "a") / "vae").rmdir()
    assert next(iter(Catalog([tmp_path]))).reason == "it lacks vae"


def test_link_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [c.name for c in Catalog([tmp_path])] == ["a"]


def test_the_preferred_one_is_the_default(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path, name)
    assert Catalog([tmp_path], preferred="b").find(None).name == "b"
    assert Catalog([tmp_path], preferred="c").find(None).name == "a"


def test_no_checkpoint_at_all_says_where_to_put_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="models/checkpoints"):
        Catalog([tmp_path]).find(None)


@pytest.mark.parametrize("digits", [8, 10, 64])
def test_a_hash_finds_it(tiny_models: Path, digits: int) -> None:
    catalog = Catalog([tiny_models])
    wanted = catalog.find("tiny-v")
    assert catalog.find(catalog.sha256(wanted)[:digits].upper()) == wanted
    with pytest.raises(UserError, match="there is no checkpoint"):
        catalog.find("0" * digits)
