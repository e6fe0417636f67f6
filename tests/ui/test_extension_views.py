"""What the Extensions tab is told, and what it may change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.loading import Report
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.extension_views import ExtensionViews, without_folders
from sdtoolbox.ui.i18n import Texts

FILE = '''"""A walk in the woods."""
VERSION = "1.2"


def walk(denoise, x, sigmas, *, noise, on_step):
    return x


def register(ext):
    ext.sampler(walk, label="Walk")
'''


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "woods.py").write_text(FILE)
    with Toolbox.open(Settings(home=tmp_path, extension_patience=60)) as opened:
        yield opened


def views_of(toolbox: Toolbox, **options: Any) -> ExtensionViews:
    return ExtensionViews(toolbox, Texts("en"), **{"change": lambda action: action()} | options)


def functions(views: ExtensionViews) -> dict[str, Callable[[Any], dict[str, Any]]]:
    return {function.__name__: function for function in views.functions()}


def row_of(views: ExtensionViews, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in views.all()["rows"] if row["name"] == name)
    return found


def test_a_row_says_what_it_is_what_it_adds_and_where_it_lies(toolbox: Toolbox) -> None:
    row = row_of(views_of(toolbox), "woods")
    assert (row["version"], row["description"], row["place"]) == ("1.2", "A walk in the woods.", "your file woods.py")
    assert (row["state"], row["state_label"], row["adds"]) == ("loaded", "on", ["sampler Walk"])
    assert row["problems"] == row["hooks"] == []
    assert row_of(views_of(toolbox), "ralston")["place"] == "part of sdtoolbox (ralston.py)"
    chinese = ExtensionViews(toolbox, Texts("zh-CN"), change=lambda action: action())
    assert row_of(chinese, "woods")["adds"] == ["采样器 Walk"]
    odd = chinese.row(Report("x", "disabled", adds=("prompt syntax Arrows", "wonder Of the world")))["adds"]
    assert odd == ["提示词语法 Arrows", "wonder Of the world"]


def test_switching_goes_through_the_change_and_says_what_is_wrong(toolbox: Toolbox) -> None:
    views = views_of(toolbox)
    ask = functions(views)
    assert ask["switch"]({"name": "woods", "on": False}) == {"problem": ""}
    assert row_of(views, "woods")["state"] == "disabled"
    assert "walk" not in toolbox.registries.samplers
    assert ask["switch"]({"name": "woods", "on": True}) == {"problem": ""}
    assert "walk" in toolbox.registries.samplers
    assert "There is no extension 'meadow'" in ask["switch"]({"name": "meadow", "on": True})["problem"]
    assert "There is no extension ''" in ask["switch"]([1, 2])["problem"]

    def refuse(_action: Callable[[], None]) -> None:
        raise UserError("QUEUE_FULL", "extensions are being changed already.", "Wait until that is done.")

    said = functions(views_of(toolbox, change=refuse))["reload"]({})
    assert said == {"problem": "Extensions are being changed already. Wait until that is done."}


def test_reload_reads_changed_files(toolbox: Toolbox) -> None:
    (toolbox.settings.home / "extensions" / "woods.py").write_text(FILE.replace('"Walk"', '"Stroll"'))
    assert functions(views_of(toolbox))["reload"]({}) == {"problem": ""}
    assert toolbox.registries.samplers.get("walk").label == "Stroll"


def test_on_a_shared_server_nobody_changes_anything_or_hears_where_files_lie(toolbox: Toolbox) -> None:
    def never(_action: Callable[[], None]) -> None:
        raise AssertionError("changed")

    trace = 'File "/home/somebody/secret.py", line 1'
    failed = [("woods", "Walk: OSError: /home/somebody/keys.txt", trace)]
    views = views_of(toolbox, shared=True, change=never, failed=failed)
    for name, asked in (("switch", {"name": "woods", "on": False}), ("reload", {})):
        assert "its extensions are its owner's" in functions(views)[name](asked)["problem"]
    assert views.all()["editable"] is False
    assert row_of(views, "woods")["problems"] == [{"reason": "Walk: OSError: …/keys.txt", "details": ""}]
    mine = row_of(views_of(toolbox, failed=failed), "woods")["problems"]
    assert mine == [{"reason": "Walk: OSError: /home/somebody/keys.txt", "details": trace}]


def test_one_that_is_off_says_why_and_one_that_was_switched_off_has_no_problem(toolbox: Toolbox) -> None:
    views = views_of(toolbox)
    broken = views.row(Report("x", "quarantined", "it imports y, which is not installed", details="Traceback …"))
    assert broken["problems"] == [{"reason": "It imports y, which is not installed", "details": "Traceback …"}]
    assert views.row(Report("x", "disabled", "somebody switched it off"))["problems"] == []


def test_safe_mode_is_said(tmp_path: Path) -> None:
    with Toolbox.open(Settings(home=tmp_path, safe_mode=True)) as toolbox:
        said = views_of(toolbox).all()
    assert (said["safe_mode"], said["editable"], said["rows"]) == (True, False, [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no file /home/a b/c/d.py here", "no file …/d.py here"),
        (r"C:\Users\me\x.py", "…/x.py"),
        ("1/2 of it, a/b", "1/2 of it, a/b"),
        ("nothing", "nothing"),
    ],
)
def test_folders_are_cut_off(text: str, shown: str) -> None:
    assert without_folders(text) == shown
