"""Faults happen only where they are asked for."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sdtoolbox.faults import reach


def test_nothing_happens_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDTOOLBOX_FAULTS", raising=False)
    reach("save.before_rename")
    monkeypatch.setenv("SDTOOLBOX_FAULTS", "step=raise, save.after_rename=disk_full")
    reach("save.before_rename")
    with pytest.raises(RuntimeError, match="a fault was asked for"):
        reach("step")
    with pytest.raises(OSError, match="No space") as caught:
        reach("save.after_rename")
    assert caught.value.errno == errno.ENOSPC


def test_a_point_may_act_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SDTOOLBOX_FAULTS", "step=out_of_memory")
    monkeypatch.setenv("SDTOOLBOX_FAULTS_ONCE", str(tmp_path))
    with pytest.raises(MemoryError):
        reach("step")
    reach("step")


def test_an_unknown_action_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_FAULTS", "step=explode")
    with pytest.raises(ValueError, match="no action 'explode'"):
        reach("step")
