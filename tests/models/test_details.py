"""What other programs wrote beside a model is understood, and nonsense there does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sdtoolbox.models.details import details


def sidecar(folder: Path, name: str, values: object) -> Path:
    file = folder / name
    file.write_text(json.dumps(values))
    return file


def test_a1111_sidecar(tmp_path: Path) -> None:
    values = {
        "description": "soft ink",
        "sd version": "SD1",
        "activation text": "ink, wash, ink",
        "preferred weight": 0.7,
        "notes": "mine",
    }
    said = details([sidecar(tmp_path, "a.json", values)], {})
    assert (said.description, said.notes, said.trigger_words) == ("soft ink", "mine", ("ink", "wash"))
    assert said.defaults == {"weight": 0.7}


def test_civitai_sidecar_loses_its_html(tmp_path: Path) -> None:
    values = {
        "trainedWords": ["ink, wash", "paper"],
        "description": None,
        "model": {"description": "<p>Soft &amp; <b>wet</b></p>", "tags": ["style", 3]},
    }
    said = details([sidecar(tmp_path, "a.civitai.info", values)], {})
    assert said.trigger_words == ("ink", "wash", "paper")
    assert said.description.split() == ["Soft", "&", "wet"]
    assert said.tags == ("style",)


def test_trainers_metadata_give_the_most_frequent_tags() -> None:
    frequency = {"10_a": {"ink": 10, "tree": 2}, "5_b": {"wash": 5, " ink ": 5}}
    assert details([], {"ss_tag_frequency": json.dumps(frequency)}).trigger_words == ("ink", "wash", "tree")
    said = details([], {"ss_tag_frequency": json.dumps(frequency), "modelspec.trigger_phrase": "inky"})
    assert said.trigger_words == ("inky",)


def test_the_first_who_speaks_is_heard(tmp_path: Path) -> None:
    own = sidecar(tmp_path, "a.sdtoolbox.json", {"name": "Ink", "trigger_words": ["own"]})
    other = sidecar(tmp_path, "a.json", {"activation text": "other", "description": "theirs"})
    said = details([own, other], {"modelspec.description": "header's"})
    assert (said.name, said.trigger_words, said.description) == ("Ink", ("own",), "theirs")


@pytest.mark.parametrize(
    "values",
    [
        [],
        "x",
        {"activation text": 5, "preferred weight": "1", "notes": ["a"]},
        {"trainedWords": "x", "model": 3, "tags": {}},
        {"preferred weight": 0},
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.civitai.info"])
def test_nonsense_says_nothing(tmp_path: Path, name: str, values: object) -> None:
    said = details([sidecar(tmp_path, name, values)], {"ss_tag_frequency": "[" * 100_000})
    assert (said.description, said.trigger_words, said.defaults, said.tags) == ("", (), {}, ())


def test_a_wrong_file_of_our_own_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="defaults"):
        details([sidecar(tmp_path, "a.sdtoolbox.json", {"defaults": [1]})], {})
