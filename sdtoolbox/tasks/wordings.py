"""What every picture of a job says: comments taken out, choices decided, adapters' tags read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.choices import Chance, Decide, Odometer
from sdtoolbox.prompts.dynamic import read, without_comments
from sdtoolbox.prompts.plan import check
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.schema.requests import Request, bounds_of, prompt_fields
from sdtoolbox.tasks.adapters import resolve_adapters
from sdtoolbox.tasks.rewriting import Rewriting

Texts = Mapping[str, str]
"""The prompts of a picture, by field."""


def count_combinations(
    request: Request, values: dict[str, Any], wildcards: Wildcards, rewriting: Rewriting, problems: list[UserError]
) -> Sequence[Texts]:
    """Every combination of what the prompts leave open, if they are asked for; as many batches more are drawn."""
    if not values.get("combinatorial") or values["wordings"] or not _is_open(request, values):
        return []
    most = int(bounds_of(type(request), "batch_count")[1] or 1) // values["batch_count"]
    odometer, found = Odometer(), list[Texts]()
    try:
        while len(found) <= most:
            found.append(_decided(request, values, wildcards, rewriting, lambda _field: odometer))
            if not odometer.turn():
                break
    except UserError as error:
        problems.append(error)
        return []
    if len(found) > most:
        said = f"the prompt has more than {most} combinations."
        hint = "Leave less open, or let chance decide, and choose how many batches to draw."
        problems.append(UserError("PARAM_INVALID", said, hint, "combinatorial"))
        return []
    values["batch_count"] *= len(found)
    return found


def resolve_words(
    request: Request,
    values: dict[str, Any],
    combinations: Sequence[Texts],
    checkpoint: CatalogEntry | None,
    catalog: Catalog,
    wildcards: Wildcards,
    rewriting: Rewriting,
    problems: list[UserError],
) -> None:
    """Decide what the prompts of each picture say, by its own seed, and put that into `values`.

    Where all pictures say the same it stands in the prompts themselves, else in `wordings`, one for each picture, and
    the prompts stay as they were typed, but for what `rewriting` does to them. Adapters are those of the field and
    those that a picture's own words name.
    """

    def settled(texts: Texts, adapters: Any) -> dict[str, Any]:
        own = values | dict(texts)
        resolve_adapters(request.model_copy(update={"adapters": adapters}), own, checkpoint, catalog, problems)
        for name in texts:
            try:
                check(own[name], name, composes=not name.endswith("negative_prompt"))
            except UserError as error:
                problems.append(error)
        return {"prompts": {name: own[name] for name in texts}, "adapters": own.get("adapters", ())}

    own = getattr(request, "adapters", ())
    if given := getattr(request, "wordings", ()):
        if len(given) != (pictures := values["batch_count"] * values["batch_size"]):
            said = f"there are {len(given)} wordings for {pictures} pictures."
            problems.append(UserError("PARAM_INVALID", said, "Leave them out: they are made.", "wordings"))
            return
        wanted = [(one.prompts, one.adapters) for one in given]
    else:
        try:
            wanted = [(texts, own) for texts in _texts(request, values, combinations, wildcards, rewriting)]
        except UserError as error:
            problems.append(error)
            return
    known: dict[Any, dict[str, Any]] = {}
    for texts, adapters in wanted:
        key = tuple(texts.items()), adapters
        if key not in known and len(problems) < 8:
            known[key] = settled(texts, adapters)
    if not given:  # what was decided before stays, whatever syntaxes there are by now
        _check_rewritten([one["prompts"] for one in known.values()], rewriting, problems)
    if problems:
        return
    if len(known) == 1 and not given:
        (only,) = known.values()
        values |= only["prompts"]
        if "adapters" in values:
            values["adapters"] = only["adapters"]
        return
    values["wordings"] = [known[tuple(texts.items()), adapters] for texts, adapters in wanted]
    values["adapters"] = settled(dict.fromkeys(prompt_fields(type(request)), ""), own)["adapters"]


def _texts(
    request: Request,
    values: Mapping[str, Any],
    combinations: Sequence[Texts],
    wildcards: Wildcards,
    rewriting: Rewriting,
) -> list[Texts]:
    if not _is_open(request, values):
        return [{name: without_comments(values[name]) for name in prompt_fields(type(request))}]
    pictures = values.get("batch_count", 1) * values.get("batch_size", 1)
    if combinations:
        each = pictures // len(combinations)
        return [texts for texts in combinations for _ in range(each)]
    seed = values.get("seed", 0)
    return [
        _decided(request, values, wildcards, rewriting, lambda field, i=i: Chance(f"{field}/{seed + i}"))
        for i in range(pictures)
    ]


def _decided(
    request: Request, values: Mapping[str, Any], wildcards: Wildcards, rewriting: Rewriting, decide_for: Any
) -> Texts:
    decides: dict[str, Decide] = {name: decide_for(name) for name in prompt_fields(type(request))}
    return {name: rewriting.decided(values[name], decide, wildcards, name) for name, decide in decides.items()}


def _check_rewritten(several: Sequence[Texts], rewriting: Rewriting, problems: list[UserError]) -> None:
    """Without tags and comments a text may read as something that a syntax would rewrite once more."""
    for texts in several:
        for name, text in texts.items():
            try:
                rewriting.check(text, name)
            except UserError as error:
                problems.append(error)
                return


def _is_open(request: Request, values: Mapping[str, Any]) -> bool:
    return any(read(without_comments(values[name])).is_open for name in prompt_fields(type(request)))
