"""What the picker of styles offers: those with the words that were typed, each with what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.styles import Style
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.tasks.styles import settings_of
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import OFFERED, Json, read

LONGEST = 160


class Question(BaseModel):
    """Which styles a page asks for: with this text, besides those that are chosen."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", max_length=500)
    chosen: list[str] = Field([], max_length=1000)


def style_functions(request: type[Request], toolbox: Toolbox, texts: Texts) -> list[Callable[[Any], Json]]:
    """`find({text, chosen})` for the page: `{options, more}`, each with `id`, `name`, `remark` and `refused`."""

    def find(asked: Any) -> Json:
        question = read(Question, asked)
        words = question.text.casefold().split()
        try:
            styles = toolbox.styles.list()
        except UserError as error:
            said = {"id": "", "name": toolbox.settings.styles.name, "remark": "", "refused": sentence(str(error))}
            return {"options": [said], "more": 0}
        found = [style for style in styles if style.name not in question.chosen and _matches(style, words)]
        return {"options": [offer(style) for style in found[:OFFERED]], "more": max(0, len(found) - OFFERED)}

    def label(name: str) -> str:
        return texts.get(f"field.{name}.label", control_of(request, name).label)

    def offer(style: Style) -> Json:
        settings = [f"{label(name)} {value}" for name, value in settings_of(request, style).items()]
        words = [style.prompt, style.negative_prompt and f"− {style.negative_prompt}"]
        remark = " · ".join([*(part[:LONGEST] for part in words if part), *settings])
        return {"id": style.name, "name": style.name, "remark": remark, "refused": ""}

    return [find]


def _matches(style: Style, words: list[str]) -> bool:
    everything = f"{style.name} {style.prompt} {style.negative_prompt}".casefold()
    return all(word in everything for word in words)
