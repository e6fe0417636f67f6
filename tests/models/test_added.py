"""Architectures of extensions: asked last, asked anew when extensions change, and never trusted to come to an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.database import Database
from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.models import added
from sdtoolbox.models.added import AddedArchitectures
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.registry import Absent
from tests.models.files import Shapes, lora, write

TINY: Shapes = {"tiny.weight": (12, 3, 3, 3), "tiny.bias": (12,)}
Detect = Callable[[Mapping[str, tuple[int, ...]]], Any]


class Here:
    """A folder with a model, and what extensions have registered by now."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder / "models", Database(folder / "database.sqlite3")
        self.registries = Registries()
        self.asked: list[str] = []
        write(self.folder / "small.safetensors", TINY)

    def on(self, detect: Detect | None = None, version: str = "1") -> None:
        """The extension is there, in this version."""

        def usual(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
            self.asked.append(version)
            return 2 if shapes.get("tiny.weight") == (12, 3, 3, 3) else None

        extension = Extension("stranger", version=version, sha256=version * 8)
        extension.architecture("tiny", label="Tiny", detect=detect or usual, build=lambda tensors: None)
        self.off("")
        self.registries.merge(extension.draft)

    def off(self, reason: str) -> None:
        """It is off for some reason, or with none not there at all."""
        self.registries = Registries()
        if reason:
            self.registries.miss({("architectures", "tiny"): Absent("stranger", reason)})

    def catalog(self, safe: bool = False) -> Catalog:
        """As another process opens it."""
        architectures = AddedArchitectures(None if safe else lambda: self.registries.architectures)
        return Catalog([self.folder], self.database, architectures=architectures)

    def entry(self, safe: bool = False) -> CatalogEntry:
        """The model, as that process sees it."""
        return next(one for one in self.catalog(safe) if one.name == "small")


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_a_file_that_was_unknown_is_recognised_once_the_extension_is_there(here: Here) -> None:
    assert (here.entry().state, here.entry().kind) == ("unknown", "unknown")
    here.on()
    entry = here.entry()
    assert (entry.state, entry.kind, entry.variant, entry.extension) == ("ready", "restorer", "tiny", "stranger")
    assert (entry.scale, entry.precision, entry.reason) == (2, "fp16", "")
    assert here.catalog().find("small", "restorer", "stages") == entry


def test_no_file_is_looked_at_twice_while_nothing_changes(here: Here) -> None:
    here.on()
    for _ in range(3):
        here.catalog().refresh()
    assert here.asked == ["1"]
    here.on(version="2")
    here.catalog().refresh()
    assert here.asked == ["1", "2"], "another version may know more"


def test_one_catalog_hears_of_a_switch_when_it_is_told(here: Here) -> None:
    catalog = here.catalog()
    here.on()
    catalog.reconsider()
    assert [entry.state for entry in catalog] == ["ready"]
    here.off("somebody switched it off.")
    catalog.reconsider()
    assert [entry.state for entry in catalog] == ["unsupported"]


def test_without_its_extension_a_network_says_which_one_it_needs(here: Here) -> None:
    here.on()
    here.entry()
    here.off("somebody switched it off.")
    entry = here.entry()
    reason = "it needs the extension stranger, which is off: somebody switched it off"
    assert (entry.state, entry.kind, entry.reason) == ("unsupported", "restorer", reason)
    with pytest.raises(UserError, match="part of the extension stranger, which is off") as error:
        here.catalog().find("small", "restorer", "stages")
    assert (error.value.code, error.value.field) == ("EXTENSION_FAILED", "stages")
    here.off("")
    assert here.entry().reason == "it needs the extension stranger, which is not here"
    with pytest.raises(UserError, match="needs the extension stranger, which is not here") as error:
        here.catalog().find("small", "restorer", "stages")
    assert error.value.code == "EXTENSION_FAILED"
    here.on()
    assert here.entry().state == "ready"


def test_a_file_that_changed_meanwhile_is_what_it_is_now(here: Here) -> None:
    here.on()
    here.entry()
    here.off("somebody switched it off.")
    write(here.folder / "small.safetensors", lora())
    catalog = here.catalog()
    catalog.refresh()
    assert [(entry.kind, entry.extension) for entry in catalog] == [("lora", "")]


def test_safe_mode_leaves_what_is_known_as_it_is(here: Here) -> None:
    here.on()
    before = here.entry()
    assert here.entry(safe=True) == before
    assert here.entry() == before and here.asked == ["1"]


def test_what_is_known_here_is_never_asked_about(here: Here) -> None:
    def greedy(shapes: Mapping[str, tuple[int, ...]]) -> int:
        return 4

    here.on(greedy)
    write(here.folder / "style.safetensors", lora())
    kinds = {entry.name: (entry.kind, entry.extension) for entry in here.catalog()}
    assert kinds == {"small": ("restorer", "stranger"), "style": ("lora", "")}


def raising(shapes: Mapping[str, tuple[int, ...]]) -> int:
    raise KeyError("no such tensor")


def leaving(shapes: Mapping[str, tuple[int, ...]]) -> int:
    raise SystemExit(3)


def changing(shapes: Any) -> int:
    shapes["more"] = (1,)
    return 2


@pytest.mark.parametrize(
    ("detect", "said"),
    [
        (raising, "KeyError: 'no such tensor'"),
        (leaving, "SystemExit: 3"),
        (changing, "TypeError: 'mappingproxy'"),
        (lambda shapes: "2", "it said str in place of a whole number or None"),
        (lambda shapes: 0, "it said 0 in place of 1 to 16"),
        (lambda shapes: 10**9, "in place of 1 to 16"),
    ],
)
def test_one_that_fails_leaves_the_file_unknown_and_is_named(here: Here, detect: Detect, said: str) -> None:
    here.on(detect)
    entry = here.entry()
    assert entry.state == "unknown"
    assert "the architecture Tiny of the extension stranger failed to look at it" in entry.reason
    assert said in entry.reason


def test_false_is_no(here: Here) -> None:
    here.on(lambda shapes: False)
    assert here.entry().state == "unknown" and "failed" not in here.entry().reason


def test_one_that_hangs_is_asked_once(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added, "SECONDS", 0.05)
    go_on, calls = threading.Event(), []

    def hang(shapes: Mapping[str, tuple[int, ...]]) -> None:
        calls.append(1)
        go_on.wait(10)

    here.on(hang)
    for name in "abc":
        write(here.folder / f"{name}.safetensors", TINY)
    states = [entry.state for entry in here.catalog()]
    go_on.set()
    assert states == ["unknown"] * 4 and len(calls) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "Not An Id"}, "cannot be called 'Not An Id'"),
        ({"name": "swinir"}, "swinir is known already"),
        ({"multiple": 0}, "multiple of architecture tiny is 0"),
        ({"detect": lambda: None}, "detect of architecture tiny does not take one mapping"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"name": "tiny", "detect": lambda shapes: None, "build": lambda tensors: None} | values
    with pytest.raises((TypeError, ValueError), match=said):
        Extension("stranger").architecture(**given)


def test_a_file_with_torch_at_its_top_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("from torch import nn\ndef build(tensors): return nn.ReLU()", names)
    with pytest.raises(TypeError, match="has nn of torch at its top"):
        Extension("stranger").architecture("tiny", detect=lambda shapes: None, build=names["build"])
