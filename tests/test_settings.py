"""Arguments before environment before file before defaults, and clear words for a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.settings import bundled, load_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SDTOOLBOX_HOME", str(tmp_path))
    return tmp_path


def test_home_comes_from_the_environment(home: Path) -> None:
    settings = load_settings()
    assert settings.home == home
    assert settings.database.parent == home


def test_order_of_sources(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 7860
    (home / "settings.toml").write_text('port = 1001\nmodel_folders = ["/models"]\n')
    assert load_settings().port == 1001
    assert load_settings().model_folders == (Path("/models"),)
    monkeypatch.setenv("SDTOOLBOX_PORT", "1002")
    assert load_settings().port == 1002
    assert load_settings(port=1003).port == 1003
    assert load_settings(port=None).port == 1002


def test_folders_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_MODEL_FOLDERS", '["/a", "/b"]')
    monkeypatch.setenv("SDTOOLBOX_EXTENSION_FOLDERS", '["/c"]')
    settings = load_settings()
    assert settings.all_model_folders[1:3] == (Path("/a"), Path("/b"))
    assert settings.all_extension_folders[-1] == Path("/c")


@pytest.mark.parametrize(
    ("file", "named"),
    [("prot = 3", "prot"), ("port = 70000", "port"), ('device = "gpu"', "device"), ("port = [", "settings")],
)
def test_a_wrong_setting_is_named(home: Path, file: str, named: str) -> None:
    (home / "settings.toml").write_text(file)
    with pytest.raises(UserError, match=named) as caught:
        load_settings()
    assert caught.value.code == "PARAM_INVALID"


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDTOOLBOX_MODEL_FOLDERS", "not json")
    with pytest.raises(UserError, match="model_folders"):
        load_settings()


def test_what_ships_is_found() -> None:
    assert bundled("extensions").is_dir()
    assert bundled("assets").is_dir()
