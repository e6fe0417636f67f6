"""The languages: complete, true to the schema, picked as a person would want it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from sdtoolbox.errors import CODES
from sdtoolbox.models.entries import KINDS, State
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.inpaint import Erase, Inpaint
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.schema.results import Stage
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.ui import i18n
from sdtoolbox.ui.i18n import Texts, languages, pick_language
from sdtoolbox.ui.naming import help_of, label_of

UI = Path(i18n.__file__).parent
ENGLISH = Texts("en").all
REQUESTS: tuple[type[Request], ...] = (Txt2Img, Img2Img, Inpaint, Erase, Denoise, Upscale)


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_keys_and_the_same_values_to_fill_in(language: str) -> None:
    texts = Texts(language).all
    assert list(texts) == list(ENGLISH)
    assert all(text.strip() for text in texts.values())
    for key, text in texts.items():
        if not key.startswith("problem."):  # these may say it in their own words
            assert names_in(text) == names_in(ENGLISH[key]), key


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_key_that_is_used_is_there_and_every_key_there_is_used() -> None:
    code = "\n".join(path.read_text("utf-8") for path in UI.rglob("*") if path.suffix in (".py", ".js", ".html"))
    used = set(re.findall(r'[(, ]"((?:[a-z_]+\.)[\w.]+)"', code)) | set(re.findall(r"\{\{ ([\w.]+) \}\}", code))
    used -= {"app.css", "mask.png"}
    put_together = {
        "field",
        "error",
        "stage",
        "task",
        "tab",
        "extensions",
        "example",
        "problem",
        "group",
    }  # at run time
    prefixes = put_together | {"kind", "state", "base", "layout", "option", "axis", "choice", "selector"}
    assert {key for key in used if key.split(".")[0] in {k.split(".")[0] for k in ENGLISH}} - set(ENGLISH) == set()
    assert {key for key in ENGLISH if key.split(".")[0] not in prefixes} - used == set()


def test_the_fields_words_in_english_are_the_schemas() -> None:
    # They stand in the file too, so that all languages have the same keys to translate from.
    for request in REQUESTS:
        for name, info in request.model_fields.items():
            if control_of(request, name).kind != "hidden":
                assert label_of(request, name, Texts("en")) == control_of(request, name).label
                assert help_of(request, name, Texts("en")) == info.description
            assert f"field.{name}.label" in ENGLISH
            for value, label in control_of(request, name).options:
                assert ENGLISH.get(f"choice.{name}.{value}", label) == label


def test_everything_about_a_model_has_words() -> None:
    assert {f"kind.{kind}" for kind in KINDS} <= set(ENGLISH)
    assert {f"state.{state}" for state in State.__args__} <= set(ENGLISH)  # type: ignore[attr-defined]
    groups = {control_of(request, name).group for request in REQUESTS for name in request.model_fields} - {""}
    assert {f"group.{group}" for group in groups} <= set(ENGLISH)
    assert {f"task.{request.task}" for request in REQUESTS} <= set(ENGLISH)


def test_every_error_and_every_stage_has_words() -> None:
    assert {f"error.{code}" for code in CODES} <= set(ENGLISH)
    assert {f"stage.{stage}" for stage in Stage.__args__} <= set(ENGLISH)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("setting", "cookie", "accepted", "language"),
    [
        ("auto", None, "zh-CN,zh;q=0.9,en;q=0.5", "zh-CN"),
        ("auto", None, "zh-TW", "zh-CN"),
        ("auto", None, "de-DE, en;q=0.7, zh;q=0.8", "zh-CN"),
        ("auto", None, "fr", "en"),
        ("auto", None, "", "en"),
        ("auto", None, "*;q=nonsense,,;", "en"),
        ("zh-CN", None, "en", "zh-CN"),
        ("zh-CN", "en", "zh", "en"),
        ("auto", "../../etc/passwd", "en", "en"),
    ],
)
def test_the_switch_beats_the_setting_beats_the_browser(
    setting: str, cookie: str | None, accepted: str, language: str
) -> None:
    assert pick_language(setting, cookie, accepted) == language


def test_a_text_of_an_extension_may_be_missing() -> None:
    assert Texts("zh-CN").get("field.sparkle.label", "Sparkle") == "Sparkle"
    with pytest.raises(KeyError):
        Texts("en")("no.such.key")
