"""What the control of steers offers: those that are registered, with their help and their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sdtoolbox.registered import SteerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.restorer_shelf import Describe, offer
from sdtoolbox.ui.shelves import OFFERED, Json, Question, Wanted, read


def steer_functions(toolbox: Toolbox, texts: Texts, describe: Describe) -> list[Callable[[Any], Json]]:
    """`find({text})` gives `{options, more}` and `look({ids})` what is known of each id, for the page.

    `describe` says what a control must know of an option.
    """

    def described(entry: Entry[SteerInfo]) -> Json:
        label = texts.get(f"choice.steers.{entry.id}", entry.label)
        return offer(entry.id, label) | {
            "remark": texts.get(f"choice.steers.{entry.id}.help", entry.value.help),
            "options": [describe(option) for option in entry.value.options.values()],
        }

    def find(asked: Any) -> Json:
        words = read(Question, asked).text.casefold().split()
        known = [described(entry) for entry in toolbox.registries.steers]
        found = [one for one in known if all(word in one["label"].casefold() for word in words)]
        return {"options": found[:OFFERED], "more": max(0, len(found) - OFFERED)}

    def look(asked: Any) -> Json:
        steers = toolbox.registries.steers
        return {name: described(steers.get(name)) if name in steers else None for name in read(Wanted, asked).ids}

    return [find, look]
