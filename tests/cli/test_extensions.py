"""`sdtoolbox extensions`: states and reasons for programs and people, switching, beginnings and checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sdtoolbox.cli import main

SAMPLER = """
def still(denoise, x, sigmas, *, noise, on_step):
    'Help.'
    return x

def register(ext):
    ext.sampler(still, label="Still")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one's own extensions, with a good one and a bad one."""
    monkeypatch.setenv("SDTOOLBOX_HOME", str(tmp_path))
    monkeypatch.setenv("SDTOOLBOX_EXTENSION_PATIENCE", "60")
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "good.py").write_text(SAMPLER)
    (folder / "bad.py").write_text("raise ValueError('broken')")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["extensions", *arguments])


def run_json(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_list_says_what_each_adds_or_why_it_is_off() -> None:
    rows = {row["name"]: row for row in run_json("list")}
    good, bad = rows["good"], rows["bad"]
    assert (good["state"], good["reason"], good["adds"]) == ("loaded", "", ["sampler Still"])
    assert (bad["state"], bad["reason"], bad["adds"]) == ("quarantined", "ValueError: broken", [])
    assert isinstance(good["seconds"], float) and rows["ralston"]["adds"] == ["sampler Ralston"]
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["name", "state", "adds", "seconds", "reason"]
    assert any(line.startswith("bad ") and line.endswith("ValueError: broken") for line in lines)


def test_safe_mode_lists_none() -> None:
    assert run_json("list", "--safe-mode") == []
    assert run("list", "--safe-mode").stdout == "Safe mode: no extension is loaded.\n"


def test_disable_and_enable() -> None:
    assert run_json("disable", "good")["state"] == "disabled"
    row = next(row for row in run_json("list") if row["name"] == "good")
    assert (row["state"], row["adds"]) == ("disabled", ["sampler Still"])
    said = run("enable", "good").stdout
    assert said.startswith("good is loaded. Workers follow by themselves.") and "server" in said
    assert "bad is quarantined: ValueError: broken. " in run("enable", "bad").stdout
    error = run_json("disable", "none", code=1)["error"]
    assert error["code"] == "PARAM_INVALID" and "good" in error["hint"]


def test_reload_reads_files_anew(folder: Path) -> None:
    (folder / "bad.py").write_text(SAMPLER.replace("till", "tiller"))
    rows = {row["name"]: row for row in run_json("reload")}
    assert rows["bad"]["adds"] == ["sampler Stiller"]
    assert "extensions are loaded" in run("reload").stdout


def test_new_then_test(folder: Path) -> None:
    file, test = map(Path, run_json("new", "mine", "--kind", "sampler")["files"])
    assert (file, test) == (folder / "mine.py", folder / "tests" / "test_mine.py")
    checks = run_json("test", str(file))
    assert all(check["passed"] for check in checks)
    assert {"imports", "order of convergence", "the same in any batch"} <= {check["name"] for check in checks}
    lines = run("test", str(file)).stdout.splitlines()
    assert lines[-1] == f"{len(checks)} checks, 0 failed." and lines[0].startswith("ok    extension mine: imports: ")
    assert "is there already" in run("new", "mine").stderr
    assert "mine" in {row["name"] for row in run_json("list")}
    assert run("new", "other", "--kind", "spoon").exit_code == 2


def test_test_fails_for_what_does_not_hold(folder: Path) -> None:
    result = run("test", str(folder / "good.py"))
    assert result.exit_code == 1
    assert "FAIL  sampler Still: comes to the data: " in result.stdout
    checks = run_json("test", str(folder / "bad.py"), code=1)
    assert [check["said"] for check in checks] == ["ValueError: broken"] and "Traceback" in checks[0]["details"]
    assert "is no extension" in run("test", str(folder / "none.py")).stderr
    assert "is no value" in run("test", str(folder / "good.py"), "--value", "seed").stderr
