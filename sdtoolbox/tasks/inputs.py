"""The pictures of a request: there, readable and of a size that can be drawn; what follows from them is filled in."""

from __future__ import annotations

from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.images.store import ImageStore
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.inpaint import Erase, Inpaint, Masked
from sdtoolbox.schema.requests import Request, bounds_of
from sdtoolbox.tasks.masking import meant
from sdtoolbox.tasks.video_inputs import refuse_videos

LARGEST_WHOLE = 2048
"""Pixels of the longer side at which a whole picture is drawn, if nobody says otherwise; the result keeps its size."""
STRENGTH, STRENGTH_BEYOND = 0.75, 1.0
"""How much of a masked part is drawn anew, and of what lies beyond the picture, where nobody says otherwise."""
NATIVE = 512


def resolve_pictures(
    request: Request,
    values: dict[str, Any],
    checkpoint: CatalogEntry | None,
    store: ImageStore | None,
    registries: Registries,
    problems: list[UserError],
) -> None:
    """Fill into `values` what a request leaves open and its picture decides; add to `problems`.

    To be called before the checkpoint's defaults fill what is still open.
    """
    if checkpoint is not None and checkpoint.variant == "instruct" and not isinstance(request, Img2Img):
        said = f"{checkpoint.name} edits pictures by instruction."
        problems.append(UserError("MODEL_TYPE", said, "Use it with img2img, or choose another model.", "checkpoint"))
    if "image" not in values:
        return
    size = _size(values, store, problems)
    if size is None or store is None or refuse_videos(request, store, problems):
        return
    if isinstance(request, Masked):
        _check_mask(request, size, store, problems)
    if isinstance(request, Img2Img):
        _resolve_img2img(request, values, size, checkpoint, registries, problems)
    if isinstance(request, Inpaint):
        _resolve_inpaint(request, values, size)


def resolve_eraser(request: Request, values: dict[str, Any], catalog: Catalog, problems: list[UserError]) -> None:
    """Put the id of the network that erases into `values`, if one is asked for; add to `problems`."""
    if not isinstance(request, Erase) or request.network is None:
        return
    try:
        found = catalog.find(request.network, "restorer", "network")
    except UserError as error:
        problems.append(error)
        return
    values["network"] = found.id
    if found.variant not in ERASERS:
        said = f"{found.name} does not take things out of pictures: it is {found.variant}."
        hint = f"Choose a network of these kinds: {', '.join(ERASERS)}; or leave it empty."
        problems.append(UserError("MODEL_TYPE", said, hint, "network"))


def _size(values: dict[str, Any], store: ImageStore | None, problems: list[UserError]) -> tuple[int, int] | None:
    if values["image"] is None:
        problems.append(UserError("PARAM_INVALID", "there is no picture.", "Add the one to work on.", "image"))
        return None
    if store is None:
        raise TypeError("a request on a picture is resolved with the store that holds it")
    try:
        return store.size(values["image"])
    except UserError as error:
        problems.append(UserError(error.code, error.message, error.hint, "image"))
        return None


def _check_mask(request: Masked, size: tuple[int, int], store: ImageStore, problems: list[UserError]) -> None:
    try:
        if meant(request, size, store.path) is not None or (isinstance(request, Inpaint) and widens(request)):
            return
    except UserError as error:
        problems.append(error)
        return
    hint = "Paint over what is to be drawn anew, or widen the picture."
    if isinstance(request, Erase):
        hint = "Paint over what is to go."
    said = "nothing is masked." if request.mask is not None else "there is no mask."
    problems.append(UserError("MASK_INVALID", said, hint, "mask"))


def widens(request: Inpaint) -> bool:
    """Whether anything is drawn beyond the picture."""
    sides = request.outpaint_left, request.outpaint_right, request.outpaint_top, request.outpaint_bottom
    return any(sides)


def _resolve_img2img(
    request: Img2Img,
    values: dict[str, Any],
    size: tuple[int, int],
    checkpoint: CatalogEntry | None,
    registries: Registries,
    problems: list[UserError],
) -> None:
    if request.tiled and request.tile_size is None and checkpoint is not None:
        own = checkpoint.defaults.get("width", NATIVE), checkpoint.defaults.get("height", NATIVE)
        values["tile_size"] = max(64, *map(int, own))
    if request.width is None or request.height is None:
        width, height = _following(request.width, request.height, size, request.resize_scale)
        low, high = bounds_of(type(request), "width")
        if not all((low or 0) <= side <= (high or side) for side in (width, height)):
            said = f"the picture is {size[0]}x{size[1]} pixels, and would be drawn as {width}x{height}."
            hint = f"Sides from {low} to {high} can be drawn: give a width and a height, or another scale."
            problems.append(UserError("PARAM_INVALID", said, hint, "resize_scale"))
            return
        values |= {"width": width, "height": height}
    if request.upscaler in registries.upscalers and request.resize_mode != "latent":
        upscaler = registries.upscalers.get(request.upscaler)
        if upscaler.value.on != "pictures":
            able = ", ".join(entry.label for entry in registries.upscalers if entry.value.on == "pictures")
            said = f"{upscaler.label} enlarges latents, not pictures."
            problems.append(UserError("PARAM_INVALID", said, f"These enlarge pictures: {able}.", "upscaler"))


def _following(width: int | None, height: int | None, size: tuple[int, int], scale: float) -> tuple[int, int]:
    """The sides that were given; one that was not follows the other, or both the picture's own."""
    if width is not None:
        return width, max(1, round(width * size[1] / size[0]))
    if height is not None:
        return max(1, round(height * size[0] / size[1])), height
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resolve_inpaint(request: Inpaint, values: dict[str, Any], size: tuple[int, int]) -> None:
    if request.strength is None:
        values["strength"] = STRENGTH_BEYOND if widens(request) else STRENGTH
    if request.area == "masked" or widens(request):
        return  # as large as the checkpoint draws best
    if request.width is None or request.height is None:
        scale = min(1.0, LARGEST_WHOLE / max(size))
        width, height = _following(request.width, request.height, size, scale)
        # A picture smaller than anything that can be drawn is drawn larger, and made small again.
        least = bounds_of(type(request), "width")[0] or 1
        values |= {"width": max(int(least), width), "height": max(int(least), height)}
