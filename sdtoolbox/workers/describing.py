"""What a picture's file says about itself: the A1111 text for people, and our exact JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.workers.parts import Parts


@dataclass(frozen=True, slots=True)
class Said:
    """Both texts of a picture."""

    parameters: str
    exact: dict[str, Any]


def described(
    parts: Parts,
    request: Request,
    environment: Mapping[str, Any],
    measured: Mapping[str, float],
    *,
    seed: int = 0,
    index: int = 0,
) -> Said:
    """The texts of one picture of a resolved request: that with this seed, at this place of its batch.

    Nothing here may depend on time, job or speed: the same picture must have the same bytes.
    """
    exact: dict[str, Any] = {
        "sdtoolbox": __version__,
        "task": request.task,
        "request": request.model_dump(mode="json"),
        "index": index,
        "seed": seed,
        "environment": dict(environment),
    }
    if measured:
        exact["measured"] = dict(measured)
    return Said(_parameters(parts, request, environment, seed, index), exact)


def _parameters(parts: Parts, request: Request, environment: Mapping[str, Any], seed: int, index: int) -> str:
    checkpoint, vae = getattr(request, "checkpoint", None), getattr(request, "vae", None)
    return parameters_text(
        request,
        seed=seed,
        index=index,
        checkpoint=None if checkpoint is None else _identity(parts, checkpoint, environment.get("checkpoint")),
        registries=parts.registries.by_name(),
        vae=None if vae is None else _identity(parts, vae, environment.get("vae")),
        adapters={one.adapter: _adapter(parts, one.adapter) for one in getattr(request, "adapters", ())},
        models=_others(parts, request),
    )


def _others(parts: Parts, request: Request) -> dict[str, dict[str, Any]]:
    """Name and, where it is known, SHA-256 of the checkpoints of later passes, and of networks that restore."""
    shelves = "checkpoints", "upscalers"
    shelved = [name for name in type(request).model_fields if control_of(type(request), name).choices in shelves]
    named = {str(value) for name in shelved if (value := getattr(request, name)) is not None}
    found: dict[str, dict[str, Any]] = {}
    for identity in named | set(getattr(request, "restorers", ())):
        try:
            entry = parts.catalog.get(identity)
            found[identity] = {"name": entry.name, "sha256": parts.catalog.hashes(entry).get("sha256", "")}
        except UserError:  # removed meanwhile, and its id stays in the text; or no network at all
            continue
    return found


def _identity(parts: Parts, identity: str, recorded: Any) -> dict[str, Any]:
    """Name and SHA-256 of a model as the engine wrote them down when it drew, or as the catalog has the name."""
    if isinstance(recorded, dict) and "name" in recorded:
        return {"sha256": ""} | recorded
    return {"name": _name(parts, identity), "sha256": ""}


def _adapter(parts: Parts, identity: str) -> dict[str, Any]:
    try:
        entry = parts.catalog.get(identity)
        return {"name": entry.name, "autov3": parts.catalog.autov3(entry)}
    except UserError:  # it was removed while it drew: the picture is kept all the same
        return {"name": identity, "autov3": ""}


def _name(parts: Parts, identity: str) -> str:
    try:
        return parts.catalog.get(identity).name
    except UserError:
        return identity
