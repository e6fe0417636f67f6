"""A picture's words become a form's values; what is not here is named, with what could stand in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import png_bytes
from sdtoolbox.toolbox import Toolbox

LINE = "Steps: 5, Sampler: Euler, CFG scale: 4, Seed: 3, Size: 64x64"


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    with Toolbox.open(home=home, model_folders=(tiny_models,)) as opened:
        opened.catalog.refresh()
        yield opened


def test_names_become_ids(toolbox: Toolbox) -> None:
    found = toolbox.recall(f"a tree\n{LINE}, Model: TINY, Wonder: yes")
    entry = toolbox.catalog.find("tiny")
    assert found.values["checkpoint"] == entry.id
    assert found.values["sampler"] == "euler"
    assert (found.missing, found.refused, found.unknown) == ([], {}, {"Wonder": "yes"})
    toolbox.resolve(toolbox.parse("txt2img", found.values))


def test_a_hash_is_believed_before_a_name(toolbox: Toolbox) -> None:
    entry = toolbox.catalog.find("tiny")
    sha256 = toolbox.catalog.sha256(entry)
    for said in (f"Model hash: {sha256[:10]}, Model: renamed", f"Model hash: {sha256[:10]}"):
        assert toolbox.recall(f"a tree\n{LINE}, {said}").values["checkpoint"] == entry.id


def test_missing_models_are_named_with_their_hashes(toolbox: Toolbox) -> None:
    text = f'a tree <lora:inks:0.5>\n{LINE}, Model hash: 0123456789, Model: tinny, Lora hashes: "inks: aabbccddeeff"'
    found = toolbox.recall(text)
    assert "checkpoint" not in found.values
    assert found.values["prompt"] == "a tree"
    checkpoint, lora = found.missing
    assert (checkpoint.kind, checkpoint.name, checkpoint.hash) == ("checkpoint", "tinny", "0123456789")
    assert checkpoint.stand_ins[0] == "tiny"
    assert (lora.kind, lora.name, lora.hash) == ("lora", "inks", "aabbccddee")
    assert found.as_dict()["missing"][0]["name"] == "tinny"


def test_values_that_are_not_allowed_are_put_aside(toolbox: Toolbox) -> None:
    text = "a tree\nSteps: 9999, Sampler: Nobody, CFG scale: 4, Seed: 18446744073709551615, Size: 64x100000"
    found = toolbox.recall(text)
    assert set(found.refused) == {"steps", "sampler", "seed", "height"}
    assert found.values["width"] == 64
    toolbox.parse("txt2img", found.values)


def exact(**changes: Any) -> bytes:
    request = {"prompt": "a tree", "seed": 3, "steps": 5, "batch_size": 4, "checkpoint": "f" * 32} | changes
    environment = {"checkpoint": {"id": "f" * 32, "name": "tiny", "sha256": ""}}
    said = {"request": request, "seed": 5, "index": 2, "environment": environment, "task": "txt2img"}
    return png_bytes(Image.new("RGB", (8, 8)), "another text\n" + LINE, said)


def test_our_own_words_are_exact_and_of_this_picture_alone(toolbox: Toolbox) -> None:
    found = toolbox.recall(exact(of_the_future=1))
    assert found.tool == "sdtoolbox"
    assert found.values["prompt"] == "a tree"
    assert (found.values["seed"], found.values["batch_size"]) == (5, 1)
    assert found.values["checkpoint"] == toolbox.catalog.find("tiny").id
    assert found.unknown == {"of_the_future": "1"}


@pytest.mark.parametrize("changes", [{"adapters": 5}, {"adapters": [5]}, {"plot": [1]}, {"prompt": {}}, {"steps": []}])
def test_exact_words_that_somebody_bent_are_put_aside(toolbox: Toolbox, changes: dict[str, Any]) -> None:
    found = toolbox.recall(exact(**changes))
    ((bent, value),) = changes.items()
    assert bent in found.refused and found.values.get(bent) != value
    assert (found.values["seed"], found.values["checkpoint"]) == (5, toolbox.catalog.find("tiny").id)
    toolbox.parse("txt2img", found.values)


def test_a_picture_that_says_nothing_is_an_error(toolbox: Toolbox) -> None:
    with pytest.raises(UserError, match="does not say how it was drawn"):
        toolbox.recall(png_bytes(Image.new("RGB", (8, 8)), "", {}))


def test_how_a_picture_was_drawn_says_nothing_of_restoring_it_and_the_other_way_round(toolbox: Toolbox) -> None:
    drawn = f"a tree\n{LINE}, Init image hash: {'a' * 32}"
    restored = f"Init image hash: {'a' * 32}, Noise level: 12, Restore stages: Wavelet: blend=0.5, Size: 64x64"
    both = f"a tree\n{LINE}, Postprocess upscale by: 4, Postprocess upscaler: Lanczos"
    assert toolbox.recall(restored, "denoise").values["noise"] == 12
    assert toolbox.recall(both, "upscale").values["scale"] == 4
    assert toolbox.recall(both).values["steps"] == 5
    for text, task in ((drawn, "upscale"), (drawn, "denoise"), (restored, "img2img")):
        with pytest.raises(UserError, match="does not say how"):
            toolbox.recall(text, task)
    request = {"image": "a" * 32, "noise": 12.0, "stages": [{"restorer": "wavelet"}], "width": 64, "height": 64}
    for told, task in (("denoise", "upscale"), ("upscale", "img2img"), ("img2img", "denoise")):
        exact = png_bytes(Image.new("RGB", (8, 8)), restored, {"task": told, "request": request, "index": 0})
        with pytest.raises(UserError):
            toolbox.recall(exact, task)
