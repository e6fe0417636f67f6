"""What the pickers of restorers offer: registered ones with their help, networks with their scale, checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.diffusion_upscalers import OPTIONS as OPTIONS_OF_UPSCALERS
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS, FACES
from sdtoolbox.registered import RestorerInfo, UpscalerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import Option
from sdtoolbox.tasks.choosing import takes_strength
from sdtoolbox.tasks.prior import OPTIONS
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import OFFERED, Json, Question, Wanted, base_name, is_usable, matches, read

Describe = Callable[[Option], Json]


class RestorerShelf:
    """All that a field may name to restore with; for one that enlarges, only what makes pictures larger.

    `describe` says what a control must know of an option. With `priors` checkpoints are offered too, last of all.
    """

    def __init__(
        self, toolbox: Toolbox, texts: Texts, describe: Describe, *, enlarging: bool, priors: bool = True
    ) -> None:
        self._toolbox = toolbox
        self._texts = texts
        self._describe = describe
        self._enlarging = enlarging
        self._kinds = ("restorer", "checkpoint") if priors else ("restorer",)

    def functions(self) -> list[Callable[[Any], Json]]:
        """`find({text})` gives `{options, more}` and `look({ids})` what is known of each id, for the page."""

        def find(asked: Any) -> Json:
            question = read(Question, asked)
            words = question.text.casefold().split()
            if not question.text:
                self._toolbox.catalog.rescan()
            registered = [one for one in self._registered() if all(word in one["label"].casefold() for word in words)]
            found = [self._model(entry) for entry in matches(self._toolbox.catalog, question.text) if self._fits(entry)]
            _tell_apart(found)
            found.sort(key=self._place)
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
        for kind in ("restorer", "checkpoint"):
            with suppress(UserError):
                return self._model(self._toolbox.catalog.find(called, kind))
        return None

    def _registered(self) -> Iterator[Json]:
        if self._enlarging:
            yield from (self._upscaler(one) for one in self._toolbox.registries.upscalers if one.value.on == "pictures")
        for entry in self._toolbox.registries.restorers:
            if entry.value.scale > 1 or not self._enlarging:
                yield self._restorer(entry)

    def _upscaler(self, entry: Entry[UpscalerInfo]) -> Json:
        label = self._texts.get(f"choice.upscalers.{entry.id}", entry.label)
        return offer(entry.id, label) | {"remark": entry.value.help}

    def _restorer(self, entry: Entry[RestorerInfo]) -> Json:
        info = entry.value
        label = self._texts.get(f"choice.restorers.{entry.id}", entry.label)
        return offer(entry.id, label, info.scale) | {
            "remark": self._texts.get(f"choice.restorers.{entry.id}.help", info.help),
            "takes_noise": "noise" in info.needs,
            "options": [self._describe(option) for option in info.options.values()],
        }

    def _model(self, entry: CatalogEntry) -> Json:
        return self._prior(entry) if entry.kind == "checkpoint" else self._network(entry)

    def _prior(self, entry: CatalogEntry) -> Json:
        """A checkpoint, which restores by what it knows of pictures; where it enlarges its options have no place."""
        options = [] if self._enlarging else [self._describe(option) for option in OPTIONS.values()]
        return self._network(entry) | {
            "base": base_name(entry.base, self._texts),
            "remark": self._texts("stages.invents"),
            "scale": 1,
            "prior": True,
            "options": options,
        }

    def _network(self, entry: CatalogEntry) -> Json:
        refused = "" if is_usable(entry) else entry.reason or self._texts.get(f"state.{entry.state}", entry.state)
        called = self._texts.get(f"choice.restorers.{entry.name}", entry.name)  # those that ship have a name for people
        told = () if self._enlarging else OPTIONS_OF_UPSCALERS.get(entry.variant, {}).values()
        invents = self._texts("stages.invents") if entry.variant in OPTIONS_OF_UPSCALERS else ""
        faces = self._texts("stages.faces") if entry.variant in FACES else ""
        return offer(entry.id, called, entry.scale) | {
            "base": " · ".join(part for part in (_times(entry.scale), entry.variant) if part),
            "size": entry.size,
            "remark": entry.description or invents or faces,
            "options": [self._describe(option) for option in told],
            "refused": sentence(refused),
            "takes_noise": takes_strength(entry),
        }

    def _fits(self, entry: CatalogEntry) -> bool:
        if entry.kind not in self._kinds or entry.variant in ERASERS:
            return False
        if entry.kind == "checkpoint":
            return entry.state == "ready" and not entry.variant
        return entry.scale != 1 or not self._enlarging

    def _place(self, one: Json) -> tuple[bool, bool, bool]:
        """Usable ones first, of these networks before checkpoints, and what keeps a picture's size before the rest."""
        return bool(one["refused"]), bool(one["prior"]), not self._enlarging and one["scale"] != 1


def _tell_apart(found: list[Json]) -> None:
    """Of several with one name each also shows the start of its id."""
    names = Counter(one["name"] for one in found)
    for one in found:
        one["label"] = one["name"] if names[one["name"]] == 1 else f"{one['name']} ({one['id'][:6]})"


def _times(scale: int | None) -> str:
    return "" if scale in (None, 1) else f"×{scale}"


def offer(identity: str, label: str, scale: int | None = 1) -> Json:
    """An option of a picker of stages or steers, of which no more is known than this."""
    known_of_all = {"remark": "", "refused": "", "size": 0, "takes_noise": False, "prior": False, "options": []}
    return known_of_all | {"id": identity, "name": label, "label": label, "base": _times(scale), "scale": scale}
