"""Names that everybody relies on: what was changed is put back and named."""

from __future__ import annotations

import builtins
import os
import sys
from types import ModuleType

import pytest
from PIL import Image

from sdtoolbox.extensions.guards import Guards


def test_nothing_changed_is_nothing_said() -> None:
    guards = Guards()
    os.environ["SDTOOLBOX_TEST_NEW"] = "1"
    try:
        assert guards.undo() == []
        assert os.environ.pop("SDTOOLBOX_TEST_NEW") == "1", "a new variable is nobody's business"
    finally:
        os.environ.pop("SDTOOLBOX_TEST_NEW", None)


def test_what_was_changed_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_TEST_OLD", "before")
    guards = Guards()
    limit, leave, read = Image.MAX_IMAGE_PIXELS, sys.exit, builtins.open
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(sys, "exit", print)
    monkeypatch.setattr(builtins, "open", print)
    monkeypatch.delenv("SDTOOLBOX_TEST_OLD")
    names = ["builtins.open", "sys.exit", "PIL.Image.MAX_IMAGE_PIXELS", "the environment variable SDTOOLBOX_TEST_OLD"]
    assert guards.undo() == names
    assert (Image.MAX_IMAGE_PIXELS, sys.exit, builtins.open) == (limit, leave, read)
    assert os.environ["SDTOOLBOX_TEST_OLD"] == "before"


def test_a_module_that_came_later_is_held_to_where_its_names_are_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gradio", "torch"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    guards = Guards()
    later = ModuleType("gradio")
    later.Blocks = type("Blocks", (), {"__module__": "gradio.blocks"})  # type: ignore[attr-defined]
    later.mount_gradio_app = print  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio", later)
    assert guards.undo() == ["gradio.mount_gradio_app"]
