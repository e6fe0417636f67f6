"""Draw a picture again from its own file, and say whether it came out the same, or what is different here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import read_text
from sdtoolbox.images.opening import MOST_OWN_PIXELS
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.comparing import apart
from sdtoolbox.images.video.opening import is_video
from sdtoolbox.models.entries import CatalogEntry, Kind
from sdtoolbox.models.fit import KIND_WORDS
from sdtoolbox.models.stand_ins import stand_ins
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, picture_fields
from sdtoolbox.schema.results import Result
from sdtoolbox.toolbox import Toolbox

# What can change pixels, the likeliest first: the first one that differs is named as the cause.
CAUSES = (
    "checkpoint",
    "hires_checkpoint",
    "refiner",
    "vae",
    "networks",
    "adapters",
    "embeddings",
    "hooks",
    "device",
    "precision",
    "threads",
    "torch",
    "spandrel",
    "opencv",
    "av",
    "scikit-image",
    "diffusers",
    "transformers",
    "attention",
    "processor",
)
MODELS = {
    "checkpoint": "checkpoint",
    "hires_checkpoint": "hires checkpoint",
    "refiner": "refiner",
    "vae": "VAE",
    "networks": "network",
    "adapters": "adapter",
    "embeddings": "embedding",
    "hooks": "hook",
}

ROWS = 256
"""That are compared at a time."""
NETWORKS = ("network", "upscaler", "second_upscaler", "hires_upscaler")
NAMES_OF_MODELS = (*MODELS, "plot", "wordings", "stages", *NETWORKS)
"""Fields that hold ids, which say where a model lies: it may lie elsewhere here."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay went: `max_difference` is the largest pixel difference in 1/255, `cause` is empty if identical."""

    identical: bool
    max_difference: int
    cause: str
    picture: str

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def replay(file: Path, toolbox: Toolbox, given: Mapping[str, Path] | None = None) -> Replay:
    """Draw the picture in `file` again and compare every pixel.

    `given` has the files of pictures that it was drawn from, by field ("image", "mask"): they are taken in place of
    those of the store, which may have them no more. UserError IMAGE_INVALID if such a picture is nowhere, or if the
    file does not say how it was drawn, MODEL_MISSING, with name and hash, if its
    checkpoint, its VAE or an adapter is not here: another one is never taken in its place.
    """
    exact = read_text(file).exact
    if exact is None or not isinstance(exact.get("request"), dict):
        raise UserError(
            "IMAGE_INVALID",
            f"{file.name} does not say how it was drawn.",
            "Only PNG and MP4 files as sdtoolbox saved them can be replayed: other programs drop that text.",
        )
    before: Mapping[str, Any] = exact.get("environment") or {}
    request = _here(toolbox, exact, before)
    request, other = _with_pictures(toolbox, request, given or {})
    result = toolbox.run_request(request, inline=True, hooked=True)
    # A plot's grid is of the whole request; its cells are of their own.
    places = [p for p in result.pictures if p.index == exact.get("index", 0)]
    picture = next((p for p in places if p.request == result.request), places[0] if places else None)
    if picture is None:
        raise UserError("IMAGE_INVALID", f"{file.name} names a place in its batch that is not there.", "")
    again = toolbox.picture_path(picture.id)
    difference = apart(file, again) if is_video(file) else _difference(file, again)
    if difference is None:
        return Replay(False, 255, "the file has another size: it was resized or cut", picture.id)
    cause = "" if difference == 0 else other or _cause(exact, before, result)
    return Replay(difference == 0, difference, cause, picture.id)


def _difference(one: Path, other: Path) -> int | None:
    """The largest difference of two pictures in 1/255, rounded up, whatever their depths; None if sizes differ."""
    old, new = Raster.read(one, MOST_OWN_PIXELS), Raster.read(other, MOST_OWN_PIXELS)
    if old.size != new.size:
        return None
    rows = (slice(top, top + ROWS) for top in range(0, old.size[1], ROWS))
    apart = max(float(np.abs(_values(old, part) - _values(new, part)).max()) for part in rows)
    return math.ceil(apart * 255 - 1e-6)


def _values(raster: Raster, rows: slice) -> np.ndarray:
    """[rows, W, 4] in [0, 1]."""
    pixels = raster.pixels[rows]
    alpha = np.full_like(pixels[..., 0], raster.maximum) if raster.alpha is None else raster.alpha[rows]
    return np.dstack([pixels, alpha]) / float(raster.maximum)


def _with_pictures(toolbox: Toolbox, request: Request, given: Mapping[str, Path]) -> tuple[Request, str]:
    """The request on the pictures that are given or in the store, and which of them is another than before."""
    changes, cause = {}, ""
    for field in picture_fields(type(request)):
        identity = getattr(request, field)
        if field in given:
            changes[field] = toolbox.store.inputs.add(given[field], "mask" if field == "mask" else "picture").id
            if changes[field] != identity:
                cause = cause or f"{field} was {str(identity)[:10]} and is {changes[field][:10]}"
        elif identity is not None:
            _check_there(toolbox, identity, field)
    return request.model_copy(update=changes), cause


def _check_there(toolbox: Toolbox, identity: str, field: str) -> None:
    try:
        toolbox.picture_path(identity)
    except UserError:
        said = f"the {field} that it was drawn from, {identity}, is not here any more."
        raise UserError("IMAGE_INVALID", said, f"Give its file with --{field}.", field) from None


def recorded_threads(file: Path) -> int | None:
    """The number of threads that drew the picture, to be asked for again; None if the file does not say."""
    environment = (read_text(file).exact or {}).get("environment") or {}
    threads = environment.get("threads") if isinstance(environment, dict) else None
    return threads if isinstance(threads, int) and 0 < threads <= 1024 else None


def _here(toolbox: Toolbox, exact: Mapping[str, Any], before: Mapping[str, Any]) -> Request:
    """The request with the ids of this machine: ids say where a model lies, and it may lie elsewhere here."""
    request = toolbox.parse(str(exact.get("task", "txt2img")), exact["request"])
    changes: dict[str, Any] = {}
    fields: tuple[tuple[str, Kind], ...] = (
        ("checkpoint", "checkpoint"),
        ("hires_checkpoint", "checkpoint"),
        ("refiner", "checkpoint"),
        ("vae", "vae"),
    )
    for field, kind in fields:
        if (identity := getattr(request, field, None)) is not None:
            changes[field] = _find(toolbox, identity, before.get(field), kind, field).id
    adapters: Sequence[Adapter] = getattr(request, "adapters", ())
    if adapters:
        recorded = {one["id"]: one for one in _models(before.get("adapters")) if "id" in one}
        found = [_find(toolbox, one.adapter, recorded.get(one.adapter), "lora", "adapters") for one in adapters]
        changes["adapters"] = tuple(
            one.model_copy(update={"adapter": entry.id}) for one, entry in zip(adapters, found, strict=True)
        )
    return request.model_copy(update=changes | _restorers_here(toolbox, request, before.get("networks")))


def _restorers_here(toolbox: Toolbox, request: Request, recorded: Any) -> dict[str, Any]:
    """The fields that name networks which restore or erase, with the ids that these have here."""
    here = {
        str(one["id"]): _find(toolbox, str(one["id"]), one, one.get("kind", "restorer"), "stages").id
        for one in _models(recorded)
        if "id" in one
    }
    changes: dict[str, Any] = {
        name: here[value] for name in NETWORKS if (value := getattr(request, name, None)) is not None and value in here
    }
    if stages := getattr(request, "stages", ()):
        changes["stages"] = tuple(
            one.model_copy(update={"restorer": here.get(one.restorer, one.restorer)}) for one in stages
        )
    return changes


def _find(toolbox: Toolbox, identity: str, recorded: Any, kind: Kind, field: str) -> CatalogEntry:
    """The model itself, wherever it lies and whatever it is called here, else the one of its place or name.

    The latter may have changed since: then the picture differs, and `first_cause` says so.
    """
    said = next(iter(_models(recorded)), {})
    name, sha256 = str(said.get("name", identity)), str(said.get("sha256", ""))
    here: list[CatalogEntry] = []
    for wanted in (identity, name, sha256):
        with suppress(UserError):
            entry = toolbox.catalog.find(wanted, kind, field)
            if not sha256 or toolbox.catalog.sha256(entry) == sha256:
                return entry
            here.append(entry)
    if here:
        return here[0]
    called = f"{name!r} ({sha256[:10]})" if sha256 else repr(name)
    raise UserError(
        "MODEL_MISSING",
        f"there is no {KIND_WORDS[kind]} {called} here, and the picture was drawn with it.",
        f"Put it into a model folder; it is found by its name or its hash.{_instead(toolbox, name, kind)}",
        field,
    )


def _instead(toolbox: Toolbox, name: str, kind: Kind) -> str:
    names = stand_ins(toolbox.catalog, name, kind)
    return f" To draw something like it, these could stand in: {', '.join(names)}." if names else ""


def _cause(exact: Mapping[str, Any], before: Mapping[str, Any], result: Result) -> str:
    cause = first_cause(before, result.environment)
    return cause or other_words(exact, result.request) or "nothing recorded differs; the file's pixels may be edited"


def other_words(exact: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """The first field that came to mean something else here, or another version of sdtoolbox; "" if there is none."""
    for name, old in exact["request"].items():
        if name not in NAMES_OF_MODELS and name in request and request[name] != old:
            return f"{name} was {shown(old)} and is {shown(request[name])}"
    version = exact.get("sdtoolbox")
    return "" if version in (None, __version__) else f"sdtoolbox was {shown(version)} and is {__version__}"


def first_cause(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first difference between two environments that can change pixels, in words; "" if there is none."""
    for key in CAUSES:
        old, new = before.get(key), now.get(key)
        cause = _other_model(key, old, new) if key in MODELS else f"{key} was {old} and is {new}" if old != new else ""
        if cause:
            return cause
    return ""


def _other_model(key: str, old: Any, new: Any) -> str:
    """ "adapter ink was 3f2a9c0d11 and is 77ab01c2d3", "" if all are the same bytes under whatever names."""
    word = MODELS[key]
    nothing: Mapping[str, Any] = {}
    for was, is_now in zip_longest(_models(old), _models(new), fillvalue=nothing):
        if _short(was) == _short(is_now) and bool(was) == bool(is_now):
            continue
        names = was.get("name", ""), is_now.get("name", "")
        if names[0] == names[1]:
            return f"{word} {names[0]} was {_short(was)} and is {_short(is_now)}"
        return f"{word} was {_called(was)} and is {_called(is_now)}"
    return ""


def _models(recorded: Any) -> list[Mapping[str, Any]]:
    """One model, several or none, as environments hold them."""
    several = recorded if isinstance(recorded, list) else [recorded]
    return [one for one in several if isinstance(one, Mapping)]


def _short(recorded: Mapping[str, Any]) -> str:
    return str(recorded.get("sha256", ""))[:10]


def _called(recorded: Mapping[str, Any]) -> str:
    return f"{recorded.get('name', '')} {_short(recorded)}".strip() or "none"
