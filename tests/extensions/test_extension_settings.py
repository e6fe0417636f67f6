"""Extensions' own settings come from the settings file or the environment; a wrong one puts the extension off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from sdtoolbox.builtin import load_all
from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.extensions.finding import find
from sdtoolbox.extensions.loading import Report
from sdtoolbox.extensions.registries import Registries
from sdtoolbox.settings import Settings

FILE = """
from pydantic import BaseModel, Field

class Mine(BaseModel):
    text: str = "plain"
    strength: float = Field(0.5, ge=0, le=1)

def register(ext):
    settings = ext.settings(Mine)

    def still(denoise, x, sigmas, *, noise, on_step):
        return settings.text, settings.strength

    ext.sampler(still, label=f"Still {settings.text}")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "mine.py").write_text(FILE)
    return tmp_path


def loaded(home: Path) -> tuple[Registries, Report]:
    registries, reports = load_all(Settings(home=home, extension_patience=60))
    return registries, next(one for one in reports if one.name == "mine")


def test_a_trial_and_the_extension_itself_see_what_somebody_chose(home: Path) -> None:
    _, report = loaded(home)
    assert report.adds == ("sampler Still plain",)
    (home / "settings.toml").write_text('[extensions.mine]\ntext = "bold"\nstrength = 1\n')
    registries, report = loaded(home)  # tried anew: the outcome that is known has other settings
    assert report.adds == ("sampler Still bold",)
    assert registries.samplers.get("still").value.function(None, 0, [], noise=None, on_step=None) == ("bold", 1.0)


def test_the_environment_wins_value_by_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text('[extensions.mine]\ntext = "bold"\nstrength = 1\n')
    monkeypatch.setenv("SDTOOLBOX_EXTENSIONS", '{"mine": {"text": "fine"}}')
    settings = Settings(home=home)
    assert settings.extensions == {"mine": {"text": "fine", "strength": 1}}
    source = find([home / "extensions"], None, settings.extensions)[0]
    assert source.settings == '{"strength": 1, "text": "fine"}'
    assert source.fingerprint() != find([home / "extensions"])[0].fingerprint()


def test_a_worker_is_given_them(home: Path) -> None:
    (home / "settings.toml").write_text("[extensions.mine]\nsince = 2026-01-02\n")
    settings = Settings(home=home)
    again = Settings(**settings.model_dump(mode="json"))
    assert again.extensions == {"mine": {"since": "2026-01-02"}}
    folders = [home / "extensions"]
    assert find(folders, None, again.extensions) == find(folders, None, settings.extensions)


def test_a_wrong_value_puts_it_off_and_says_what_is_allowed(home: Path) -> None:
    (home / "settings.toml").write_text("[extensions.mine]\nstrength = 7\n")
    registries, report = loaded(home)
    assert report.state == "quarantined"
    assert report.reason == (
        "its setting strength 7 is wrong: input should be less than or equal to 1. "
        "It stands under [extensions.mine] in settings.toml, or in SDTOOLBOX_EXTENSIONS."
    )
    assert "still" not in registries.samplers


class Inner(BaseModel):
    size: int = 1


class Model(BaseModel):
    """Settings of many kinds."""

    text: str = "plain"
    inner: Inner = Inner()
    key: SecretStr = SecretStr("")
    renamed: int = Field(1, alias="other")


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        ({"txet": "x"}, "it has no setting 'txet': did you mean text.", "txet"),
        ({"zzz": "x"}, "it has no setting 'zzz': there are text, inner, key, other.", "zzz"),
        ({"text": 3}, "its setting text 3 is wrong: input should be a valid string.", "text"),
        (
            {"inner": {"size": "x"}},
            "its setting inner.size 'x' is wrong: input should be a valid integer",
            "inner.size",
        ),
        ({"key": 17}, "its setting key is wrong: input should be a valid string.", "key"),
        ({"renamed": 2}, "it has no setting 'renamed'", "renamed"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(UserError) as caught:
        Extension("mine", chosen=given).settings(Model)
    assert reason in caught.value.message
    assert caught.value.field == field


def test_settings_are_read_and_defaults_stand_in() -> None:
    settings = Extension("mine", chosen={"inner": {"size": 4}, "key": "abc", "other": 3}).settings(Model)
    assert (settings.text, settings.inner.size, settings.key.get_secret_value(), settings.renamed) == (
        "plain",
        4,
        "abc",
        3,
    )
    assert Extension("mine").settings(Model) == Model()


def test_an_extension_works_without_anybodys_help() -> None:
    class Open(BaseModel):
        key: str

    with pytest.raises(TypeError, match="settings of mine need defaults: key"):
        Extension("mine", chosen={"key": "given"}).settings(Open)
