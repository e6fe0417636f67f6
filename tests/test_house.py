"""What the repository says about itself in several places is the same in all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sdtoolbox import __version__
from sdtoolbox.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_changelog_is_about_this_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0] == __version__


def test_requirements_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == project["dependencies"]


def test_readme_starts_with_the_front_matter_of_spaces() -> None:
    _, front, _ = README.split("---\n", 2)
    matter = dict(line.split(": ", 1) for line in front.splitlines())
    assert (matter["sdk"], matter["app_file"], matter["license"]) == ("gradio", "app.py", "apache-2.0")


def test_readme_says_the_two_commands() -> None:
    assert "pip install -e . && python app.py" in README
    assert 'pip install -e ".[dev]" && pytest -n 2\n' in README


def test_readme_names_every_setting() -> None:
    named = set(re.findall(r"SDTOOLBOX_([A-Z0-9_]+)", README))
    assert named == {name.upper() for name in Settings.model_fields}


def test_links_of_the_texts_lead_somewhere() -> None:
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("extensions/*.md"), *ROOT.glob("assets/**/*.md")]
    assert len(texts) > 4
    for path in texts:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text("utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_top_level_is_tidy() -> None:
    tracked = {line.split("/")[0] for line in _tracked()}
    expected = {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "requirements.txt",
        "app.py",
    }
    expected |= {"sdtoolbox", "extensions", "tests", "assets", "docs", ".ci", ".gitignore", ".gitattributes"}
    assert tracked <= expected


def _tracked() -> list[str]:
    import shutil
    import subprocess

    import pytest

    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: what is tracked cannot be listed")
    run = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()
