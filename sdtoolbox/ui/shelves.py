"""What the page's pickers offer from the catalog: few enough to show, those that fit first, the rest with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import BASES, SHELVES, CatalogEntry
from sdtoolbox.models.families import missing_parts
from sdtoolbox.models.fit import misfit
from sdtoolbox.ui.i18n import Texts, sentence

OFFERED = 50  # more than anybody reads; whoever wants another one types on
ALL = 1_000_000
CHOSEN_BESIDE = {"vae"}  # what a checkpoint may lack, because the form has a field for it
Json = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


class Question(BaseModel):
    """What a picker asks: the models with this text, for this checkpoint."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", max_length=500)
    checkpoint: str = Field("", max_length=500)


class Wanted(BaseModel):
    """Which models a page wants to know more of, and the checkpoint that they are to work with."""

    model_config = ConfigDict(extra="ignore")

    ids: list[str] = Field([], max_length=64)
    checkpoint: str = Field("", max_length=500)


def shelf_functions(catalog: Catalog, texts: Texts, shelf: str) -> list[Callable[[Any], Json]]:
    """The two functions that a picker of this shelf ("checkpoints", "vaes", "adapters") calls on the server.

    `find({text, checkpoint})` gives `{options, more}`, `look({ids, checkpoint})` what is known of each id. They take
    what a browser sends, whatever it is.
    """
    kind = SHELVES[shelf]

    def find(asked: Any) -> Json:
        question = read(Question, asked)
        checkpoint = known(catalog, question.checkpoint) if kind != "checkpoint" else None
        if not question.text:
            catalog.rescan()  # somebody opened the list: what they have just put there is in it the next time
        found = [entry for entry in matches(catalog, question.text) if entry.kind == kind]
        options = [offer(entry, texts, checkpoint) for entry in best_first(found, checkpoint)]
        names = Counter(option["name"] for option in options)
        for option in options:
            # Of two with one name each also shows the start of its id.
            option["label"] = option["name"] if names[option["name"]] == 1 else f"{option['name']} ({option['id'][:6]})"
        return {"options": options, "more": max(0, len(found) - OFFERED)}

    def look(asked: Any) -> Json:
        wanted = read(Wanted, asked)
        checkpoint = known(catalog, wanted.checkpoint) if kind != "checkpoint" else None
        entries = {identity: known(catalog, identity) for identity in wanted.ids}
        return {
            identity: offer(entry, texts, checkpoint) if entry is not None else None
            for identity, entry in entries.items()
        }

    return [find, look]


def matches(catalog: Catalog, text: str) -> list[CatalogEntry]:
    """Everything with these words, the best first; everything there is, in its folders' order, for none."""
    return catalog.search(text, limit=ALL) if text.strip() else list(catalog)


def best_first(found: Iterable[CatalogEntry], checkpoint: CatalogEntry | None) -> list[CatalogEntry]:
    """As many as are offered: what can be used before what cannot, of the checkpoint's base before others'."""
    base = checkpoint.base if checkpoint is not None else None
    shelves: tuple[list[CatalogEntry], ...] = ([], [], [])
    for entry in found:
        shelf = 2 if not is_usable(entry) else 0 if base in (None, entry.base) else 1
        shelves[shelf].append(entry)
        if len(shelves[0]) == OFFERED:
            break  # nobody looks further down
    return [entry for shelf in shelves for entry in shelf][:OFFERED]


def offer(entry: CatalogEntry, texts: Texts, checkpoint: CatalogEntry | None = None) -> Json:
    """One entry as a picker shows it; `refused` says why it cannot be chosen, or is empty."""
    refused = "" if is_usable(entry) else entry.reason or texts.get(f"state.{entry.state}", entry.state)
    if not refused and checkpoint is not None:
        refused = misfit(entry, checkpoint)
    return {
        "id": entry.id,
        "name": entry.name,
        "base": base_name(entry.base, texts),
        "state": entry.state,
        "remark": sentence(entry.reason) if entry.state == "incomplete" else "",
        "refused": sentence(refused),
        "size": entry.size,
        "algorithm": entry.algorithm,
        "rank": entry.rank,
        "weight": entry.defaults.get("weight", 1),
        "trigger_words": list(entry.trigger_words),
    }


def is_usable(entry: CatalogEntry) -> bool:
    """Whether it can be chosen: it is ready, or will be with what is chosen beside it."""
    return entry.state == "ready" or (entry.state == "incomplete" and set(missing_parts(entry)) <= CHOSEN_BESIDE)


def base_name(base: str, texts: Texts) -> str:
    """The family's name as people know it; only "unknown" is a word of this language."""
    return texts("base.unknown") if base == "unknown" else BASES.get(base, base)


def known(catalog: Catalog, identity: str) -> CatalogEntry | None:
    """The entry with this id, or None if there is none any more."""
    try:
        return catalog.get(identity) if identity else None
    except UserError:
        return None


def read(model: type[M], asked: Any) -> M:
    """What a browser sent as this model; its defaults where that makes no sense."""
    try:
        return model.model_validate(asked)
    except ValidationError:
        return model()
