"""A video in the place of a picture: what can be done with it, how many frames it has, and that its sides are even."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.images.store import ImageStore
from sdtoolbox.images.video.frames import Facts, facts_of
from sdtoolbox.images.video.opening import MOST_PIXELS
from sdtoolbox.images.video.writing import LONGEST_SIDE
from sdtoolbox.schema.requests import Request, control_of, picture_fields
from sdtoolbox.schema.restoring import Restoring, Upscale

FOR_PICTURES = ("reference", "difference_map", "window")
"""Fields of a restoration that say something of one picture."""


def refuse_videos(request: Request, store: ImageStore, problems: list[UserError]) -> bool:
    """Add a problem for each video in a field that takes pictures alone; True if there is one."""
    before = len(problems)
    for name in picture_fields(type(request)):
        identity = getattr(request, name)
        if identity is None or control_of(type(request), name).moving or not _is_video(store, identity):
            continue
        said = f"the {name} is a video, and {request.task} takes a picture there."
        problems.append(UserError("IMAGE_INVALID", said, "Videos can be denoised and upscaled.", name))
    return len(problems) > before


def _is_video(store: ImageStore, identity: str) -> bool:
    try:
        return store.is_video(identity)
    except UserError:  # that it is gone is said elsewhere
        return False


def resolve_video(request: Restoring, values: dict[str, Any], store: ImageStore, problems: list[UserError]) -> None:
    """Fill `frames` of a restoration, and make the sides of an enlarged video even; add to `problems`.

    `values` have the size of the result already.
    """
    values["frames"] = None
    if not store.is_video(values["image"]):
        return
    for name in FOR_PICTURES:
        if getattr(request, name):
            said = f"{name.replace('_', ' ')} is for pictures, and this is a video."
            problems.append(UserError("PARAM_INVALID", said, "Leave it out.", name))
    try:
        values["frames"] = _facts(store.path(values["image"])).frames
    except UserError as error:
        problems.append(UserError(error.code, error.message, error.hint, "image"))
    if isinstance(request, Upscale):
        _make_even(request, values, problems)


@lru_cache(maxsize=256)  # a file of the store never changes
def _facts(path: Path) -> Facts:
    return facts_of(path)


def _make_even(request: Upscale, values: dict[str, Any], problems: list[UserError]) -> None:
    """Each side that nobody has given becomes even, since chroma has half as many pixels; one that is given must be."""
    for name in ("width", "height", "longest_side"):
        given = getattr(request, name)
        if given is not None and given % 2:
            said = f"{name.replace('_', ' ')} {given} is odd, and the sides of a video are even."
            problems.append(UserError("PARAM_INVALID", said, f"Give {given - 1 or 2} or {given + 1}.", name))
    width, height = values["width"], values["height"]
    if width is None or height is None:  # why was said already
        return
    values |= {"width": width + width % 2, "height": height + height % 2}
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        said = f"a frame of the video would become {width}x{height} pixels."
        hint = f"At most {LONGEST_SIDE} a side and {MOST_PIXELS // 10**6} million in all: choose a smaller scale."
        problems.append(UserError("IMAGE_TOO_LARGE", said, hint, "scale"))
