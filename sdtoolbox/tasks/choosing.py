"""What a restoration leaves open: damage is measured, and decides about stages; sizes follow; names become ids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.images.damage import damage
from sdtoolbox.images.opening import MOST_OWN_PIXELS
from sdtoolbox.images.store import ImageStore
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.diffusion_upscalers import OPTIONS as UPSCALER_OPTIONS
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS, TAKES_NOISE
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.restoring import LARGEST_SIDE, Restoring, Upscale
from sdtoolbox.schema.stages import RestoreStage
from sdtoolbox.tasks.options import checked_options
from sdtoolbox.tasks.prior import OPTIONS
from sdtoolbox.tasks.restoring import window_of
from sdtoolbox.tasks.video_inputs import resolve_video

DENOISER, JPEG_CLEANER = "sdtoolbox-denoiser", "sdtoolbox-jpeg"
ENLARGERS: Mapping[int, str] = {2: "sdtoolbox-x2", 4: "sdtoolbox-x4"}
"""Names of the networks that come with the toolbox; by scale."""
WITHOUT_DENOISER, WITHOUT_CLEANER, WITHOUT_ENLARGER = "wavelet", "deblock", "lanczos"
"""What does it where these networks are missing."""
SEEN_NOISE = 2.0
"""From this noise level on, of 255, a picture is denoised; below lies what every photograph has."""
SEEN_JPEG = 75
"""Below this quality the cleaner gains; from about 80 on it takes more than it gives."""
USUAL_SCALE = 2.0


def resolve_restoring(
    request: Request,
    values: dict[str, Any],
    store: ImageStore | None,
    registries: Registries,
    catalog: Catalog,
    problems: list[UserError],
) -> None:
    """Fill into `values` what a restoration leaves open; add to `problems`. Other requests are left alone."""
    if not isinstance(request, Restoring) or store is None or values["image"] is None:
        return
    try:
        size = store.size(values["image"])
    except UserError:  # it was said already
        return
    _check_reference(request, store, problems)
    try:
        window_of(request, size)
        if request.noise is None or request.jpeg_quality is None:
            values |= measured(store, request)
    except UserError as error:
        problems.append(UserError(error.code, error.message, error.hint, error.field or "image"))
        return
    if isinstance(request, Upscale):
        _resolve_size(request, values, size, problems)
        _resolve_enlargers(request, values, size, registries, catalog, problems)
    resolve_video(request, values, store, problems)
    stages = getattr(request, "stages", ()) or _automatic(values, registries, catalog)
    values["stages"] = tuple(_resolved(stage, registries, catalog, problems) for stage in stages)
    _check_result(request, values, size, catalog, registries, problems)


def measured(store: ImageStore, request: Restoring) -> dict[str, Any]:
    """Noise level and JPEG quality of the picture, where the request does not say them itself."""
    path = store.path(request.image or "")
    found: dict[str, Any] = {"noise": request.noise, "jpeg_quality": request.jpeg_quality}
    known = dict(zip(found, damage(path), strict=True))
    return {name: known[name] if value is None else value for name, value in found.items()}


def _automatic(values: Mapping[str, Any], registries: Registries, catalog: Catalog) -> list[RestoreStage]:
    """The stages that the measured damage asks for: blocks before noise, since a denoiser takes them for detail."""
    stages = []
    if values["jpeg_quality"] < SEEN_JPEG:
        stages.append(RestoreStage(restorer=_shipped(JPEG_CLEANER, catalog) or WITHOUT_CLEANER))
    if values["noise"] >= SEEN_NOISE:
        stages.append(RestoreStage(restorer=_shipped(DENOISER, catalog) or WITHOUT_DENOISER))
    return stages


def _shipped(name: str, catalog: Catalog) -> str | None:
    return next((entry.id for entry in catalog.ready("restorer") if entry.name == name), None)


def _resolve_size(request: Upscale, values: dict[str, Any], size: tuple[int, int], problems: list[UserError]) -> None:
    """Width and height of the result; what is not given follows what is, and `scale` where nothing is."""
    across, down = request.width, request.height
    if across is None and down is None:
        scale = request.scale or USUAL_SCALE
        if request.longest_side is not None:
            scale = request.longest_side / max(size)
        width, height = size[0] * scale, size[1] * scale
    else:
        width = size[0] * (down or 0) / size[1] if across is None else across
        height = size[1] * (across or 0) / size[0] if down is None else down
    final = max(1, round(width)), max(1, round(height))
    if max(final) > LARGEST_SIDE:
        said = f"the result would have {final[0]}x{final[1]} pixels."
        problems.append(UserError("PARAM_INVALID", said, f"A side may have up to {LARGEST_SIDE}.", "scale"))
        return
    values |= {"width": final[0], "height": final[1]}


def _resolve_enlargers(
    request: Upscale,
    values: dict[str, Any],
    size: tuple[int, int],
    registries: Registries,
    catalog: Catalog,
    problems: list[UserError],
) -> None:
    if request.upscaler is None:
        factor = max((values["width"] or 1) / size[0], (values["height"] or 1) / size[1])
        scale = next((scale for scale in ENLARGERS if factor <= scale), max(ENLARGERS))
        found = None if factor <= 1 else _shipped(ENLARGERS[scale], catalog)
        values["upscaler"] = found or WITHOUT_ENLARGER
    for field in ("upscaler", "second_upscaler"):
        if values[field] is None:
            continue
        try:
            values[field] = enlarger(values[field], field, registries, catalog, priors=field == "upscaler")
        except UserError as error:
            problems.append(error)
            continue
        if field == "upscaler":
            registered = values[field] in registries.upscalers or values[field] in registries.restorers
            values["diffusion"] = not registered and catalog.get(values[field]).kind == "checkpoint"


def enlarger(name: str, field: str, registries: Registries, catalog: Catalog, *, priors: bool = False) -> str:
    """The id of what enlarges pictures and is called so: an upscaler, a restorer, a network; UserError if none.

    With `priors` a checkpoint too.
    """
    upscalers = registries.upscalers
    if name in upscalers and upscalers.get(name).value.on == "pictures":
        return upscalers.get(name).id
    if name in registries.restorers:
        entry = registries.restorers.get(name)
        if entry.value.scale > 1:
            return entry.id
    known = [one.label for one in upscalers if one.value.on == "pictures"]
    found = _network(name, field, catalog, known, priors=priors)
    if found.scale == 1:
        said = f"{found.name} leaves a picture its size."
        raise UserError("MODEL_TYPE", said, "Choose one that enlarges; put this one among the stages.", field)
    return found.id


def _found(name: str, field: str, catalog: Catalog) -> CatalogEntry:
    """A network of this name, else a checkpoint: its knowledge of pictures restores too."""
    try:
        return catalog.find(name, "restorer", field)
    except UserError as error:
        try:
            return catalog.find(name, "checkpoint", field)
        except UserError:
            raise error from None


def enlarging_networks(catalog: Catalog) -> list[CatalogEntry]:
    """The networks that are ready and make pictures larger, or may: of some only loading tells."""
    return [one for one in catalog.ready("restorer") if one.scale != 1 and one.variant not in ERASERS]


def _network(name: str, field: str, catalog: Catalog, known: list[str], *, priors: bool = False) -> CatalogEntry:
    try:
        found = _found(name, field, catalog) if priors else catalog.find(name, "restorer", field)
    except UserError as error:
        if error.code != "MODEL_MISSING":
            raise
        hint = f"{error.hint} Without a network there are: {', '.join(known)}."
        raise UserError(error.code, error.message, hint, field) from None
    if found.kind == "checkpoint" and found.variant:
        said = f"{found.name} was made to draw what is masked or told, not to restore."
        raise UserError("MODEL_TYPE", said, "Choose a checkpoint that draws from words.", field)
    if found.variant in ERASERS:
        said = f"{found.name} takes things out of pictures: it needs a mask."
        raise UserError("MODEL_TYPE", said, "Use it with erase.", field)
    return found


def _resolved(
    stage: RestoreStage, registries: Registries, catalog: Catalog, problems: list[UserError]
) -> dict[str, Any]:
    """A stage with its restorer's id, and its options each in its own type."""
    values = stage.model_dump()
    try:
        if stage.restorer in registries.restorers:
            entry = registries.restorers.get(stage.restorer)
            values |= {
                "restorer": entry.id,
                "diffusion": False,
                "options": checked_options(f"restorer {entry.label}", entry.value.options, stage.options, "stages"),
            }
            label, takes_noise = entry.label, "noise" in entry.value.needs
        else:
            known = [one.label for one in registries.restorers]
            found = _network(stage.restorer, "stages", catalog, known, priors=True)
            values |= {"restorer": found.id, "diffusion": found.kind == "checkpoint"}
            label, takes_noise = found.name, takes_strength(found)
            if values["diffusion"]:
                values["options"] = checked_options(f"checkpoint {label}", OPTIONS, stage.options, "stages")
            elif found.variant in UPSCALER_OPTIONS:
                known_of_it = UPSCALER_OPTIONS[found.variant]
                values["options"] = checked_options(f"upscaler {label}", known_of_it, stage.options, "stages")
            elif stage.options:
                said = f"{label} has no option {shown(next(iter(stage.options)))}."
                raise UserError(
                    "PARAM_INVALID", said, "Networks have none: blend says how much of theirs is taken.", "stages"
                )
        if stage.strength != 1 and not takes_noise:
            said = f"{label} is told no noise level: strength {stage.strength:g} would change nothing."
            raise UserError(
                "PARAM_INVALID", said, "Leave the strength 1; blend says how much of its result is taken.", "stages"
            )
    except UserError as error:
        problems.append(error)
    return values


def takes_strength(network: CatalogEntry) -> bool:
    """Whether a network is told the noise level; one that was made blind to it says "jpeg" among its tags."""
    blind = "jpeg" in network.tags
    return network.kind == "checkpoint" or (network.variant in TAKES_NOISE and not blind)


def _check_result(
    request: Restoring,
    values: Mapping[str, Any],
    size: tuple[int, int],
    catalog: Catalog,
    registries: Registries,
    problems: list[UserError],
) -> None:
    """Refuse early what would become larger than any picture may be, at its end or on the way."""
    if problems:
        return
    field = "scale" if isinstance(request, Upscale) else "stages"
    restorers = [stage["restorer"] for stage in values["stages"]]
    if isinstance(request, Upscale):
        restorers.append(values["upscaler"])
    factor = math.prod(_scale(one, catalog, registries) for one in restorers)
    sizes = [(size[0] * factor, size[1] * factor)]
    if isinstance(request, Upscale):
        sizes.append((values["width"], values["height"]))
    for width, height in sizes:
        if width * height > MOST_OWN_PIXELS:
            said = f"the picture would become {width}x{height} pixels, {width * height // 10**6} million."
            hint = f"At most {MOST_OWN_PIXELS // 10**6} million can be made: choose a smaller scale or fewer stages."
            problems.append(UserError("IMAGE_TOO_LARGE", said, hint, field))
            return


def _check_reference(request: Restoring, store: ImageStore, problems: list[UserError]) -> None:
    if request.reference is None:
        return
    try:
        store.size(request.reference)
    except UserError as error:
        problems.append(UserError(error.code, error.message, error.hint, "reference"))


def _scale(restorer: str, catalog: Catalog, registries: Registries) -> int:
    """How many times larger it makes a picture, as far as is known before it is loaded."""
    if restorer in registries.restorers:
        return registries.restorers.get(restorer).value.scale
    return 1 if restorer in registries.upscalers else catalog.get(restorer).scale or 1
