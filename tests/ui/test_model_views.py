"""What the Models tab is told, over real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.model_views import CARDS, ModelViews
from tests.ui.models import write_lora, write_models
from tests.web import write_checkpoints

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.setattr("sdtoolbox.settings.bundled", lambda name: tmp_path / "nothing" / name)
    write_checkpoints(tmp_path / "models")
    write_models(tmp_path / "models")
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        opened.catalog.refresh()
        yield opened


@pytest.fixture
def call(toolbox: Toolbox) -> Call:
    return caller(ModelViews(toolbox, Texts("en")))


def caller(views: ModelViews) -> Call:
    functions = {function.__name__: function for function in views.functions()}
    return lambda name, **asked: functions[name](asked)


def identity(toolbox: Toolbox, name: str) -> str:
    return next(entry.id for entry in toolbox.catalog if entry.name == name)


def counts(answer: dict[str, Any], facet: str) -> dict[str, int]:
    return {one["id"]: one["n"] for one in answer["counts"][facet]}


def test_filters_and_counts(call: Call) -> None:
    everything = call("search")
    assert counts(everything, "kind") == {"checkpoint": 2, "vae": 1, "lora": 4, "unknown": 1}
    assert everything["total"] == 8
    loras = call("search", kind="lora")
    assert loras["total"] == 4
    assert counts(loras, "kind") == counts(everything, "kind")  # what one would see with another kind
    assert counts(loras, "base") == {"sd1": 3, "sdxl": 1}
    assert [card["name"] for card in call("search", text="film", base="sdxl")["cards"]] == ["film xl"]
    assert call("search", kind="lora", state="broken")["cards"] == []


def test_pages_hold_few_cards_and_a_page_that_is_not_there_is_the_last_one(toolbox: Toolbox, call: Call) -> None:
    for number in range(CARDS):
        write_lora(toolbox.settings.home / "models" / "many" / f"{number}.safetensors", "sd1")
    toolbox.catalog.refresh()
    assert len(call("search")["cards"]) == CARDS
    last = call("search", offset=10_000)
    assert (last["offset"], len(last["cards"]), last["total"]) == (CARDS, 8, CARDS + 8)


def test_all_that_is_known_of_a_model(toolbox: Toolbox, call: Call) -> None:
    film = call("details", id=identity(toolbox, "film"))
    assert (film["kind"], film["base"], film["rank"], film["algorithm"]) == ("lora", "SD 1.x", 4, "lora")
    assert film["trigger_words"] == ["film grain"]
    assert film["preview"].startswith(f"model-previews/{film['id']}.jpg")
    assert (film["sha256"], film["hashed"]) == ("", True)
    sha256 = toolbox.catalog.sha256(toolbox.catalog.get(film["id"]))
    assert call("details", id=film["id"])["sha256"] == sha256
    old = call("details", id=identity(toolbox, "old"))
    assert old["state"] == "needs_conversion"
    assert old["command"] == f"sdtoolbox models convert {toolbox.settings.home / 'models' / 'old.ckpt'}"
    assert not old["usable"]


def test_what_people_write_is_kept_and_what_is_wrong_is_refused(toolbox: Toolbox, call: Call) -> None:
    other = identity(toolbox, "other")
    answer = call("annotate", id=other, tags=["flat"], notes="good", defaults={"steps": 17, "sampler": "Euler"})
    assert (answer["tags"], answer["notes"], answer["defaults"]["steps"]) == (["flat"], "good", 17)
    assert toolbox.catalog.get(other).defaults["sampler"] == "euler"
    assert "0 is out of range" in call("annotate", id=other, defaults={"steps": 0})["problem"]
    assert "no such" in call("annotate", id=other, defaults={"sampler": "no such"})["problem"]
    assert call("annotate", id=other, defaults={})["defaults"]["steps"] == 12
    assert call("annotate", id="gone", notes="x")["problem"]
    assert call("details", id="gone")["problem"]


def test_a_shared_server_shows_no_places_and_lets_nobody_write(toolbox: Toolbox) -> None:
    call = caller(ModelViews(toolbox, Texts("en"), shared=True))
    old = call("details", id=identity(toolbox, "old"))
    assert (old["path"], old["editable"], old["command"]) == ("", False, "sdtoolbox models convert old")
    for name in ("annotate", "unload", "scan"):
        assert "shared" in call(name, id=old["id"], notes="x")["problem"]
    assert str(toolbox.settings.home) not in str(call("search"))


@pytest.mark.parametrize("asked", [None, [], 7, {"offset": -1}, {"text": {}}, {"id": 5}, {"kind": "\ud800"}])
def test_nonsense_from_a_browser_is_answered(toolbox: Toolbox, asked: Any) -> None:
    for function in ModelViews(toolbox, Texts("en")).functions():
        assert isinstance(function(asked), dict)


def test_memory_says_what_is_there(toolbox: Toolbox, call: Call) -> None:
    answer = call("memory")
    assert (answer["loaded"], answer["entries"]) == ([], 8)
