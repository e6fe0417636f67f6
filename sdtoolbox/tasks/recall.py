"""From a picture, or a text that somebody pasted, to what a task's form should show; and what of it is not here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.images import dialects
from sdtoolbox.images.dialects.said import json_object, object_in
from sdtoolbox.images.metadata import EXACT_KEY
from sdtoolbox.images.reading import read_said
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import SHELVES, CatalogEntry, Kind
from sdtoolbox.models.stand_ins import stand_ins
from sdtoolbox.prompts.tags import take_tags
from sdtoolbox.schema.adapters import adapters_from
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, control_of, picture_fields
from sdtoolbox.schema.restoring import Restoring
from sdtoolbox.tasks.choosing import enlarger

HASH_KEYS = {"checkpoint": "Model hash", "vae": "VAE hash"}
LORA_HASHES = "Lora hashes"
RESTORING = {one.task: one for one in Restoring.__subclasses__()}
RESTORING_KEYS = {
    control_of(one, name).parameters_key
    for one in RESTORING.values()
    for name in one.model_fields
    if name not in picture_fields(one)
} - {""}
"""By which a text says that a picture was restored; A1111 adds some of them to how it had been drawn."""
NAME_AND_HASH = re.compile(r"(.{1,400}) \[([0-9a-f]{8,64})\]")
"""How A1111 writes the model of a second pass."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A model that a picture was drawn with and that is not here, and what of its kind could stand in."""

    kind: Kind
    name: str
    hash: str
    stand_ins: tuple[str, ...] = ()


@dataclass(slots=True)
class Recalled:
    """What was found: `values` fit the task's request, `refused` and `unknown` are what is left, as text by key."""

    tool: str
    values: dict[str, Any] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def recall(
    texts: Mapping[str, str],
    request: type[Request],
    registries: Registries,
    catalog: Catalog,
    is_here: Callable[[str], bool] = lambda identity: False,
) -> Recalled | None:
    """What the texts of a picture say for a request; None if they say nothing that anybody knows.

    Our own exact request is believed before any text. Models are looked for by hash and by name; one that is not here
    leaves its field empty and is named. So does a picture, by its id, unless `is_here`.
    """
    exact = json_object(texts.get(EXACT_KEY))
    if exact and not _concerns(exact.get("task"), request):
        return None
    found = _exact(exact, request) or _foreign(texts, request, registries)
    if found is None:
        return None
    recalled, hashes = found
    finder = _Finder(catalog, recalled, hashes)
    _find_models(request, finder)
    _find_pictures(request, recalled, is_here)
    _keep_valid(request, recalled, registries, catalog)
    return recalled


def _concerns(task: object, request: type[Request]) -> bool:
    """Whether what was done in one task says anything for another: how a picture was drawn, nothing of restoring it.

    And the other way round: its stages, its noise and its size were those of the picture from before.
    """
    return task == request.task or not (task in RESTORING or issubclass(request, Restoring))


def _speaks_of(request: type[Request], pairs: Mapping[str, str]) -> bool:
    """As `_concerns`, for a text: of a picture that was only restored it does not say how to draw one."""
    restored = not RESTORING_KEYS.isdisjoint(pairs)
    return restored if issubclass(request, Restoring) else not restored or "Steps" in pairs


Hashes = dict[str, tuple[str, str]]
"""(name, hash) by what stands in the request."""


def _exact(exact: Mapping[str, Any], request: type[Request]) -> tuple[Recalled, Hashes] | None:
    values = exact.get("request")
    if not isinstance(values, dict):
        return None
    mine = {name: value for name, value in values.items() if name in request.model_fields}
    if exact.get("seed") is not None and "seed" in mine and not object_in(mine.get("plot")):
        # Of a batch this one picture: it has its own seed, and is the same whatever it was drawn with.
        alone = {"seed": exact["seed"], "batch_size": 1, "batch_count": 1}
        if mine.get("variation_strength"):
            alone["variation_seed"] = int(mine.get("variation_seed") or 0) + int(exact.get("index") or 0)
        mine |= {name: value for name, value in alone.items() if name in request.model_fields}
    if object_in(mine.get("plot")):
        mine["plot"] = mine["plot"] | {"plan": None}  # the axes are shown again, to be changed
    unknown = {name: shown(value) for name, value in values.items() if name not in mine and value is not None}
    environment = object_in(exact.get("environment"))
    hashes = {
        str(mine.get(name)): (str(one.get("name", "")), str(one.get("sha256", "")))
        for name in HASH_KEYS
        if (one := object_in(environment.get(name)))
    }
    adapters = environment.get("adapters")
    for one in map(object_in, adapters if isinstance(adapters, list) else []):
        hashes[str(one.get("id"))] = str(one.get("name", "")), str(one.get("sha256", ""))
    return Recalled("sdtoolbox", mine, unknown=unknown), hashes


def _foreign(
    texts: Mapping[str, str], request: type[Request], registries: Registries
) -> tuple[Recalled, Hashes] | None:
    said = dialects.read(texts)
    if said is None or not _speaks_of(request, said.pairs):
        return None
    reading = read_said(said, request, registries.by_name())
    rest = dict(reading.rest)
    hashes: Hashes = {}
    for name, key in HASH_KEYS.items():
        sha256 = rest.pop(key, "")
        if sha256 and name in request.model_fields:
            # A picture may name its model by the hash alone.
            called = str(reading.values.setdefault(name, sha256))
            hashes[called] = called, sha256
    for pair in rest.pop(LORA_HASHES, "").split(","):
        name, _, start = (part.strip() for part in pair.rpartition(":"))
        if name:
            hashes[name] = name, start
    return Recalled(said.tool, reading.values, unknown=rest), hashes


class _Finder:
    """Looks for models by what is known of them, and notes those that are not here."""

    def __init__(self, catalog: Catalog, recalled: Recalled, hashes: Hashes) -> None:
        self.catalog = catalog
        self.recalled = recalled
        self.hashes = hashes
        self.base = "unknown"

    def find(self, wanted: str, kind: Kind) -> CatalogEntry | None:
        named = NAME_AND_HASH.fullmatch(wanted)
        name, sha256 = self.hashes.get(wanted, named.groups() if named else (wanted, ""))
        for one in (sha256, wanted, name):
            if one:
                with suppress(UserError):
                    return self.catalog.find(one, kind)
        near = stand_ins(self.catalog, name, kind, self.base)
        self.recalled.missing.append(Missing(kind, name[:200], sha256[:10], tuple(near)))
        return None


def _find_models(request: type[Request], finder: _Finder) -> None:
    values = finder.recalled.values
    for name in request.model_fields:
        control = control_of(request, name)
        wanted = values.get(name)
        if control.choices not in SHELVES or control.kind == "adapters" or not isinstance(wanted, str):
            continue
        entry = finder.find(wanted, SHELVES[control.choices])
        if entry is None:
            values.pop(name)
        else:
            values[name] = entry.id
            finder.base = entry.base if control.choices == "checkpoints" else finder.base
    _find_adapters(values, finder)
    for name in request.model_fields:
        if control_of(request, name).kind == "prompt" and isinstance(values.get(name), str):
            values[name] = _with_tags_found(values[name], finder)


def _find_pictures(request: type[Request], recalled: Recalled, is_here: Callable[[str], bool]) -> None:
    for name in picture_fields(request):
        identity = recalled.values.get(name)
        if isinstance(identity, str) and not is_here(identity):
            recalled.unknown[control_of(request, name).parameters_key] = recalled.values.pop(name)


def _find_adapters(values: dict[str, Any], finder: _Finder) -> None:
    if "adapters" not in values:
        return
    several = adapters_from(values["adapters"])
    if not isinstance(several, tuple) or not all(object_in(one).get("adapter") for one in several):
        return  # no list of adapters: the request class refuses it in words
    kept = []
    for one in several:
        entry = finder.find(str(one["adapter"]), "lora")
        if entry is not None:
            kept.append({**one, "adapter": entry.id})
    values["adapters"] = kept


def _with_tags_found(text: str, finder: _Finder) -> str:
    """The prompt with each tag naming its LoRA as it is called here; the tag of one that is not here is taken out."""
    rest, tags = take_tags(text)
    if not tags:
        return text
    written = []
    for tag in tags:
        name = tag.split(":")[0]
        entry = finder.find(name, "lora")
        if entry is not None:
            called = name if entry.name.casefold() == name.casefold() else entry.name
            called = entry.id if any(mark in called for mark in "<>:;\n") else called
            written.append(f"<lora:{called}{tag[len(name) :]}>")
    return " ".join(part for part in (rest, *written) if part)


def _keep_valid(request: type[Request], recalled: Recalled, registries: Registries, catalog: Catalog) -> None:
    """Move what the request class, or a registry, does not allow from `values` to `refused`."""
    values = request.without_aliases(recalled.values)
    known = registries.by_name()
    for name in list(values):
        registry = known.get(control_of(request, name).choices) if name in request.model_fields else None
        if registry is None or not isinstance(values[name], str) or control_of(request, name).kind != "choice":
            continue
        if values[name] in registry:
            values[name] = registry.get(values[name]).id
        elif registry is not registries.upscalers or _network(values, name, registries, catalog) is None:
            recalled.refused[name] = shown(values.pop(name))
    try:
        request.parse(values)
    except InvalidRequest as error:
        for problem in error.problems:
            if problem.field in values:
                recalled.refused[problem.field] = shown(values.pop(problem.field))
    recalled.values = values


def _network(values: dict[str, Any], name: str, registries: Registries, catalog: Catalog) -> str | None:
    """The network that a text names as an upscaler, put into `values` by its id; None if it is not here."""
    try:
        values[name] = enlarger(values[name], name, registries, catalog)
    except UserError:
        return None
    return str(values[name])
