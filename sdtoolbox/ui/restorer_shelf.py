"""What the pickers of restorers offer: what is registered with its help, then networks with how much they enlarge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS
from sdtoolbox.protocols import RestorerInfo, UpscalerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import Option
from sdtoolbox.tasks.choosing import takes_strength
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import OFFERED, Json, Question, Wanted, is_usable, matches, read

Describe = Callable[[Option], Json]


class RestorerShelf:
    """All that a field may name to restore with; for one that enlarges, only what makes pictures larger.

    `describe` says what a control must know of an option.
    """

    def __init__(self, toolbox: Toolbox, texts: Texts, describe: Describe, *, enlarging: bool) -> None:
        self._toolbox = toolbox
        self._texts = texts
        self._describe = describe
        self._enlarging = enlarging

    def functions(self) -> list[Callable[[Any], Json]]:
        """`find({text})` gives `{options, more}` and `look({ids})` what is known of each id, for the page."""

        def find(asked: Any) -> Json:
            question = read(Question, asked)
            words = question.text.casefold().split()
            if not question.text:
                self._toolbox.catalog.rescan()
            registered = [one for one in self._registered() if all(word in one["label"].casefold() for word in words)]
            found = [
                self._network(entry) for entry in matches(self._toolbox.catalog, question.text) if self._fits(entry)
            ]
            # Sorting keeps the order among equals: usable ones, and of these what a picture's size stays with, first.
            _tell_apart(found)
            found.sort(key=lambda one: (bool(one["refused"]), not self._enlarging and one["scale"] != 1))
            options = [*registered, *found]
            return {"options": options[:OFFERED], "more": max(0, len(options) - OFFERED)}

        def look(asked: Any) -> Json:
            return {identity: self._one(identity) for identity in read(Wanted, asked).ids}

        return [find, look]

    def _one(self, called: str) -> Json | None:
        """What has this id; a picture's text may call it by its label or name."""
        for one in self._registered():
            if called.casefold() in (one["id"].casefold(), one["label"].casefold()):
                return one
        try:
            return self._network(self._toolbox.catalog.find(called, "restorer"))
        except UserError:
            return None

    def _registered(self) -> Iterator[Json]:
        if self._enlarging:
            yield from (self._upscaler(one) for one in self._toolbox.registries.upscalers if one.value.on == "pictures")
        for entry in self._toolbox.registries.restorers:
            if entry.value.scale > 1 or not self._enlarging:
                yield self._restorer(entry)

    def _upscaler(self, entry: Entry[UpscalerInfo]) -> Json:
        label = self._texts.get(f"choice.upscalers.{entry.id}", entry.label)
        return _offer(entry.id, label) | {"remark": entry.value.help}

    def _restorer(self, entry: Entry[RestorerInfo]) -> Json:
        info = entry.value
        label = self._texts.get(f"choice.restorers.{entry.id}", entry.label)
        return _offer(entry.id, label, info.scale) | {
            "remark": self._texts.get(f"choice.restorers.{entry.id}.help", info.help),
            "takes_noise": "noise" in info.needs,
            "options": [self._describe(option) for option in info.options.values()],
        }

    def _network(self, entry: CatalogEntry) -> Json:
        refused = "" if is_usable(entry) else entry.reason or self._texts.get(f"state.{entry.state}", entry.state)
        called = self._texts.get(f"choice.restorers.{entry.name}", entry.name)  # those that ship have a name for people
        return _offer(entry.id, called, entry.scale) | {
            "base": " · ".join(part for part in (_times(entry.scale), entry.variant) if part),
            "size": entry.size,
            "remark": entry.description,
            "refused": sentence(refused),
            "takes_noise": takes_strength(entry),
        }

    def _fits(self, entry: CatalogEntry) -> bool:
        if entry.kind != "restorer" or entry.variant in ERASERS:
            return False
        return entry.scale != 1 or not self._enlarging


def _tell_apart(found: list[Json]) -> None:
    """Of several with one name each also shows the start of its id."""
    names = Counter(one["name"] for one in found)
    for one in found:
        one["label"] = one["name"] if names[one["name"]] == 1 else f"{one['name']} ({one['id'][:6]})"


def _times(scale: int | None) -> str:
    return "" if scale in (None, 1) else f"×{scale}"


def _offer(identity: str, label: str, scale: int | None = 1) -> Json:
    """An option of a picker of which no more is known than this."""
    known_of_all = {"remark": "", "refused": "", "size": 0, "takes_noise": False, "options": []}
    return known_of_all | {"id": identity, "name": label, "label": label, "base": _times(scale), "scale": scale}
