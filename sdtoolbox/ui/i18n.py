"""Texts of the interface in every language that ships: one JSON file a language, the same keys in each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

LOCALES = Path(__file__).resolve().parent / "locales"
DEFAULT = "en"
COOKIE = "sdtoolbox_language"


def languages() -> list[str]:
    """The languages that ship, the default one first."""
    found = sorted(file.stem for file in LOCALES.glob("*.json"))
    return [DEFAULT, *(language for language in found if language != DEFAULT)]


class Texts:
    """All texts of one language; `texts("queue.ahead", n=2)` fills in the braces of that text."""

    def __init__(self, language: str = DEFAULT) -> None:
        self.language = language
        self.all: Mapping[str, str] = json.loads((LOCALES / f"{language}.json").read_text("utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """The text of this key; KeyError for one that no file has, because that is a mistake of ours."""
        return self.all[key].format(**values)

    def get(self, key: str, default: str) -> str:
        """The text of this key, or the default where an extension brought something without a translation."""
        return self.all.get(key, default)


def sentence(text: str) -> str:
    """Errors begin in lower case because programs put things before them; a person reads a sentence."""
    return text[:1].upper() + text[1:]


def pick_language(setting: str, cookie: str | None, accepted: str) -> str:
    """The language of a page: the switch (a cookie), else the operator's setting, else the browser's wish.

    `accepted` is an Accept-Language header such as "de, zh-TW;q=0.9, en;q=0.5": the first that ships wins, where
    any variety of a language stands for all of it.
    """
    shipped = languages()
    if cookie in shipped:
        return str(cookie)
    if setting in shipped:
        return setting
    wishes = [(_quality(part), -place, _tag(part)) for place, part in enumerate(accepted.split(","))]
    for _, _, tag in sorted(wishes, reverse=True):
        for language in shipped:
            if tag and language.casefold().split("-")[0] == tag.split("-")[0]:
                return language
    return DEFAULT


def _tag(part: str) -> str:
    return part.split(";")[0].strip().casefold()


def _quality(part: str) -> float:
    try:
        return float(part.split(";q=")[1])
    except (IndexError, ValueError):
        return 1.0
