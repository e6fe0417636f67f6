"""The guide's seven-line sampler and five-line tab, pasted into the folder, are there at every door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sdtoolbox.cli import main
from sdtoolbox.extensions.skeletons import section_of
from sdtoolbox.images.metadata import read_text
from sdtoolbox.settings import Settings
from sdtoolbox.testing import fake_engine, fake_settings
from sdtoolbox.testing.tabs import builds
from sdtoolbox.toolbox import Toolbox


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home with both pasted into `extensions`, and workers that draw without weights."""
    settings = fake_settings(tmp_path, safe_mode=False, extension_patience=60)
    folder = settings.home / "extensions"
    folder.mkdir(parents=True)
    for kind in ("sampler", "tab"):
        (folder / f"pasted_{kind}.py").write_text(section_of(kind)[1])
    with fake_engine():
        yield settings


@pytest.fixture
def toolbox(settings: Settings) -> Iterator[Toolbox]:
    with Toolbox.open(settings) as opened:
        yield opened


def test_the_python_api_and_the_metadata(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt="a house", sampler="My sampler", seed=5)
    assert result.pictures[0].request["sampler"] == "my_sampler"
    assert result.pictures[0].id != toolbox.run("txt2img", prompt="a house", sampler="heun", seed=5).pictures[0].id
    path = toolbox.picture_path(result.pictures[0].id)
    assert "Sampler: My sampler" in (read_text(path).parameters or "")
    recalled = toolbox.recall(path)
    assert recalled.values["sampler"] == "my_sampler" and not recalled.unknown and not recalled.refused
    said = toolbox.recall(read_text(path).parameters or "")
    assert said.values["sampler"] == "my_sampler"
    again = toolbox.run_request(toolbox.parse("txt2img", recalled.values))
    assert again.pictures[0].id == result.pictures[0].id


def test_an_axis_of_a_plot(toolbox: Toolbox) -> None:
    result = toolbox.run("txt2img", prompt="a house", seed=5, plot=["x: sampler: Euler, My sampler"])
    cells = [one.request["sampler"] for one in result.pictures if one.request.get("plot") is None]
    assert {"euler", "my_sampler"} <= set(cells)


def test_the_command_line(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_HOME", str(settings.home))
    monkeypatch.setenv("SDTOOLBOX_MODEL_FOLDERS", json.dumps([str(settings.model_folders[0])]))
    monkeypatch.setenv("SDTOOLBOX_EXTENSION_PATIENCE", "60")
    drawn = run("txt2img", "--model", "fake", "--prompt", "a house", "--sampler", "My sampler", "--seed", "5")
    assert drawn["pictures"][0]["request"]["sampler"] == "my_sampler"
    adds = {row["name"]: row["adds"] for row in run("extensions", "list")}
    assert (adds["pasted_sampler"], adds["pasted_tab"]) == (["sampler My sampler"], ["tab My tab"])
    run("extensions", "disable", "pasted_sampler")
    off = run("txt2img", "--model", "fake", "--sampler", "my_sampler", code=1)["error"]
    assert off["code"] == "EXTENSION_FAILED" and "pasted_sampler, which is off" in off["message"]


def test_the_tab_is_built(toolbox: Toolbox) -> None:
    assert builds(toolbox, toolbox.registries.tabs.get("My tab"), {}) == "1 components"


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)
