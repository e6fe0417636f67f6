"""What the Models tab is told: a page of cards, all that is known of one model, what is in memory; small JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.models.annotations import DEFAULTS
from sdtoolbox.models.entries import KINDS, CatalogEntry
from sdtoolbox.models.hashing import KINDS as HASHED
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import base_name, is_usable, matches, read

CARDS = 60  # on one page: the browser never holds more of them
DESCRIPTION = 4000  # characters of it that are sent
Json = dict[str, Any]


class Search(BaseModel):
    """What the tab looks for; an empty facet means all of it."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", max_length=500)
    kind: str = Field("", max_length=40)
    base: str = Field("", max_length=40)
    state: str = Field("", max_length=40)
    offset: int = Field(0, ge=0)


class Named(BaseModel):
    """One model, by its id."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field("", max_length=64)


class Edit(Named):
    """What a person wrote about a model; what is not given stays as it is."""

    tags: list[str] | None = None
    notes: str | None = None
    trigger_words: list[str] | None = None
    defaults: dict[str, int | float | str] | None = None


class ModelViews:
    """The functions that the tab's script calls; each takes what a browser sends, whatever it is."""

    def __init__(self, toolbox: Toolbox, texts: Texts, *, shared: bool = False) -> None:
        self.toolbox = toolbox
        self.catalog = toolbox.catalog
        self.texts = texts
        self.shared = shared

    def functions(self) -> list[Callable[[Any], Json]]:
        """They as plain functions under the names that the script calls them by."""

        def search(asked: Any) -> Json:
            return self.search(read(Search, asked))

        def details(asked: Any) -> Json:
            return self._answered(lambda: self.details(self.catalog.get(read(Named, asked).id)))

        def annotate(asked: Any) -> Json:
            return self._answered(lambda: self.annotate(read(Edit, asked)))

        def memory(_asked: Any) -> Json:
            return self.memory()

        def unload(asked: Any) -> Json:
            return self._answered(lambda: self.unload(read(Named, asked).id))

        def scan(_asked: Any) -> Json:
            return self._answered(self.scan)

        return [search, details, annotate, memory, unload, scan]

    def _answered(self, action: Callable[[], Json]) -> Json:
        try:
            return action()
        except UserError as error:
            problems = error.problems if isinstance(error, InvalidRequest) else (error,)
            return {"problem": " ".join(sentence(str(problem)) for problem in problems), "field": error.field}

    def search(self, asked: Search) -> Json:
        """One page of cards, how many there are in all, and how many of each kind, base and state would be shown."""
        shown, counts = _filtered(matches(self.catalog, asked.text), asked)
        offset = min(asked.offset, max(0, len(shown) - 1) // CARDS * CARDS)
        return {
            "total": len(shown),
            "offset": offset,
            "page": CARDS,
            "cards": [self.card(entry) for entry in shown[offset : offset + CARDS]],
            "counts": {facet: self._labelled(facet, found) for facet, found in counts.items()},
            "scanning": self.catalog.scanning,
        }

    def _labelled(self, facet: str, counts: Counter[str]) -> list[Json]:
        """As `[{id, label, n}]`, kinds in their own order, the rest by number."""
        order = KINDS if facet == "kind" else [value for value, _ in counts.most_common()]
        return [{"id": one, "label": self._label(facet, one), "n": counts[one]} for one in order if counts[one]]

    def _label(self, facet: str, value: str) -> str:
        return base_name(value, self.texts) if facet == "base" else self.texts.get(f"{facet}.{value}", value)

    def card(self, entry: CatalogEntry) -> Json:
        """What the card of a model shows."""
        return {
            "id": entry.id,
            "name": entry.name,
            "kind": entry.kind,
            "kind_label": self._label("kind", entry.kind),
            "base": base_name(entry.base, self.texts),
            "state": entry.state,
            "state_label": self._label("state", entry.state),
            "reason": sentence(entry.reason),
            "size": entry.size,
            "precision": entry.precision,
            "variant": entry.variant,
            "algorithm": entry.algorithm,
            "rank": entry.rank,
            "usable": is_usable(entry),
            "preview": self._preview(entry),
        }

    def _preview(self, entry: CatalogEntry) -> str:
        picture = self.catalog.preview(entry)
        try:
            return f"model-previews/{entry.id}.jpg?v={picture.stat().st_mtime_ns:x}" if picture else ""
        except OSError:
            return ""

    def details(self, entry: CatalogEntry) -> Json:
        """All that is known of a model. Where it lies is told only to people who sit at this machine."""
        hashes = self.catalog.hashes(entry)
        place = entry.name if self.shared else str(entry.path)
        return self.card(entry) | {
            "description": entry.description[:DESCRIPTION],
            "prediction": entry.prediction,
            "parts": list(entry.parts),
            "layout": self.texts.get(f"layout.{entry.layout}", entry.layout),
            "path": "" if self.shared else place,
            "command": f"sdtoolbox models convert {shlex.quote(place)}" if entry.state == "needs_conversion" else "",
            "file": entry.layout == "file",
            "hashed": entry.kind in HASHED and entry.state not in ("broken", "needs_conversion"),
            "sha256": hashes.get("sha256", ""),
            "short": hashes.get("short", ""),
            "autov3": hashes.get("autov3", ""),
            "trigger_words": list(entry.trigger_words),
            "weight": entry.defaults.get("weight", 1),
            "tags": list(entry.tags),
            "notes": entry.notes,
            "defaults": {name: entry.defaults.get(name) for name in DEFAULTS} if entry.kind == "checkpoint" else None,
            "editable": not self.shared,
        }

    def annotate(self, edit: Edit) -> Json:
        """Keep what a person wrote; the answer is the model as it is then."""
        self._must_be_ours()
        entry = self.catalog.annotate(
            edit.id,
            tags=edit.tags,
            notes=edit.notes,
            trigger_words=edit.trigger_words,
            defaults=self._by_id(edit.defaults),
        )
        return self.details(entry)

    def _by_id(self, defaults: dict[str, Any] | None) -> dict[str, Any] | None:
        # Refused here, because a name that no registry has would only be noticed when somebody draws with it.
        for name, registry in (("sampler", "samplers"), ("schedule", "schedules")):
            if defaults and name in defaults:
                known = self.toolbox.registries.named(registry)
                defaults = defaults | {name: known.get(str(defaults[name])).id}
        return defaults

    def memory(self) -> Json:
        """Which models are in memory, whether folders are being looked through, and how many entries there are."""
        loaded = [
            {
                "id": one.model_id,
                "name": one.name,
                "device": one.device,
                "bytes": one.bytes,
                "leased": bool(one.leased),
            }
            for one in self.toolbox.loaded()
        ]
        return {"loaded": loaded, "scanning": self.catalog.scanning, "entries": len(list(self.catalog))}

    def unload(self, identity: str) -> Json:
        """Ask the workers to drop a model; one that is in use goes when its job has ended."""
        self._must_be_ours()
        self.toolbox.unload(identity)
        return self.memory()

    def scan(self) -> Json:
        """Look through all folders again, in the background."""
        self._must_be_ours()
        self.catalog.rescan()
        return self.memory()

    def _must_be_ours(self) -> None:
        if self.shared:
            raise UserError("FORBIDDEN", "this server is shared: its models are its owner's.", "Ask whoever runs it.")


def _filtered(found: Iterable[CatalogEntry], asked: Search) -> tuple[list[CatalogEntry], dict[str, Counter[str]]]:
    """What passes all filters; and for each facet how many of each value pass the other filters.

    One pass and nothing clever: twenty thousand entries are gone through while somebody types.
    """
    kind, base, state = asked.kind, asked.base, asked.state
    shown: list[CatalogEntry] = []
    kinds, bases, states = Counter[str](), Counter[str](), Counter[str]()
    for entry in found:
        has_kind = not kind or entry.kind == kind
        has_base = not base or entry.base == base
        has_state = not state or entry.state == state
        if has_base and has_state:
            kinds[entry.kind] += 1
        if has_kind and has_state:
            bases[entry.base] += 1
        if has_kind and has_base:
            states[entry.state] += 1
            if has_state:
                shown.append(entry)
    return shown, {"kind": kinds, "base": bases, "state": states}
