"""Files are tried as the toolbox tries them; what they add is looked at in a toolbox that draws without weights."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image
from pydantic import Field

from sdtoolbox.errors import UserError
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.fields import Prompt, Seed
from sdtoolbox.schema.requests import Request
from sdtoolbox.settings import bundled
from sdtoolbox.testing import check_extension, check_hook, check_route, check_tab, check_task, checks_of_file
from sdtoolbox.testing.toolboxes import SEAM, fake_settings, fake_toolbox

SHIPPED = sorted(path.name for path in bundled("extensions").glob("*.py"))


class Dots(Request):
    """A picture of one colour."""

    task: ClassVar[str] = "dots"
    prompt: Prompt = Field("", description="What it is called.")
    seed: Seed = Field(-1, description="Which colour.")


def dots(request: Dots, ctx: Any) -> Iterator[Drawn]:
    """Draw it."""
    yield Drawn(Image.new("RGB", (8, 8), (request.seed % 256, 0, 0)), request.seed, request, 0)


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_extensions_conform(name: str) -> None:
    assert [str(check) for check in checks_of_file(bundled("extensions") / name) if not check.passed] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_thing", "it imports no_such_thing, which is not installed"),
        ("import sys\nsys.exit = print\ndef register(ext): pass", "it changes sys.exit for everybody"),
        ("def register(ext): pass", "register(ext) adds nothing"),
        (
            "def euler(denoise, x, sigmas, *, noise, on_step):\n    'Help.'\n    return denoise(x, 1.0)\n"
            "def register(ext): ext.sampler(euler)",
            "the sampler name 'euler' of mine is already taken by",
        ),
    ],
    ids=["missing", "patches", "nothing", "clash"],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_extension(written(tmp_path, "mine", text))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["_mine.py", "mine.txt", "none.py", ""])
def test_what_is_no_extension_is_refused(tmp_path: Path, name: str) -> None:
    for one in ("_mine.py", "mine.txt"):
        (tmp_path / one).write_text("def register(ext): pass")
    with pytest.raises(UserError, match="is no extension"):
        check_extension(tmp_path / name)


def test_a_folder_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "whole_folder"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .smiles import register as register")
    code = "def smiles(text):\n    'Help.'\n    return text.replace(':)', 'a smile')\n\n"
    written(folder, "smiles", f"{code}def register(ext): ext.prompt_syntax(smiles)")
    monkeypatch.chdir(folder)
    said = {check.name: check.said for check in check_extension(".")}
    assert said["rewrites"] == "changes 1 of 7 prompts"
    assert "sdtoolbox_extensions.whole_folder" not in sys.modules


def test_torch_at_the_top_of_what_the_page_loads_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    names = {"load": "torch.serialization", "save": "torch.serialization", "manual_seed": "torch.random"}
    code = "\n".join(f"def {name}(): pass\n{name}.__module__ = {home!r}" for name, home in names.items())
    written(packages, "torch", code)  # the real one takes seconds
    monkeypatch.setenv("PYTHONPATH", str(packages))
    text = "import torch\ndef tab(toolbox): pass\ndef register(ext): ext.tab(tab)"
    checks = {check.name: check for check in checks_of_file(written(tmp_path, "mine", text))}
    assert "it imports torch at the top of its file" in checks["leaves torch out of the web page"].said


def test_a_task_runs_in_a_real_queue() -> None:
    checks = {check.name: check for check in check_task(Dots, dots)}  # type: ignore[arg-type]
    assert list(checks) == ["has a help text", "declares", "round trip", "runs"]
    assert checks["runs"].said == "1 pictures of 8x8 pixels"


def test_a_task_that_draws_something_else_each_time_is_named() -> None:
    def random_dots(request: Dots, ctx: Any) -> Iterator[Drawn]:
        colour = tuple(os.urandom(3))
        yield Drawn(Image.new("RGB", (8, 8), colour), request.seed, request, 0)  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match="draws another picture the second time"):
        check_task(Dots, random_dots)  # type: ignore[arg-type]


def test_a_field_without_a_description_is_named() -> None:
    class Mute(Dots):
        """Help."""

        task: ClassVar[str] = "mute"
        negative: Prompt = ""

    with pytest.raises(AssertionError, match="the field negative has no description"):
        check_task(Mute, dots)  # type: ignore[arg-type]


def test_a_tab_a_hook_and_a_route_that_raise_are_named() -> None:
    def raises(*given: Any) -> None:
        """Help."""
        raise ValueError("broken")

    def nothing() -> None:
        """Help."""
        raise ValueError("broken")

    for check, arguments, said in (
        (check_tab, (raises,), "ValueError: broken"),
        (check_hook, ("done", raises), "it failed: ValueError: broken"),
        (check_route, ("all", nothing), "it raises ValueError: broken"),
    ):
        with pytest.raises(AssertionError, match=said):
            check(*arguments)  # type: ignore[operator]


def test_the_toolbox_for_tests_leaves_nothing_behind() -> None:
    before = os.environ.get(SEAM)
    with fake_toolbox() as toolbox:
        home = toolbox.settings.home
        result = toolbox.run("txt2img", prompt="a house", seed=3, batch_size=2, checkpoint="fake")
        assert [(one.width, one.height, one.seed) for one in result.pictures] == [(16, 16, 3), (16, 16, 4)]
        assert os.environ[SEAM] == "sdtoolbox.testing.engine:make"
    assert not home.exists() and os.environ.get(SEAM) == before


def test_files_are_loaded_in_it_if_asked_for(tmp_path: Path) -> None:
    shutil.copy(bundled("extensions") / "ralston.py", tmp_path / "twin.py")
    text = (tmp_path / "twin.py").read_text().replace("ralston", "twin").replace("Ralston", "Twin")
    (tmp_path / "twin.py").write_text(text)
    with fake_toolbox(safe_mode=False, extension_folders=(tmp_path,), extension_patience=60) as toolbox:
        assert "twin" in toolbox.registries.samplers
        assert toolbox.run("txt2img", sampler="Twin", seed=1).pictures
    assert fake_settings(tmp_path).safe_mode
