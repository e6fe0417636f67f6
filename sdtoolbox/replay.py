"""Draw a picture again from its own file, and say whether it came out the same, or what is different here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import open_picture, read_text
from sdtoolbox.schema.requests import Request
from sdtoolbox.toolbox import Toolbox

# What can change pixels, the likeliest first: the first one that differs is named as the cause.
CAUSES = (
    "checkpoint",
    "device",
    "precision",
    "threads",
    "torch",
    "diffusers",
    "transformers",
    "attention",
    "processor",
)


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


def replay(file: Path, toolbox: Toolbox) -> Replay:
    """Draw the picture in `file` again and compare every pixel.

    UserError IMAGE_INVALID if the file does not say how it was drawn, MODEL_MISSING if its checkpoint is not here:
    another model is never taken in its place.
    """
    exact = read_text(file).exact
    if exact is None or not isinstance(exact.get("request"), dict):
        raise UserError(
            "IMAGE_INVALID",
            f"{file.name} does not say how it was drawn.",
            "Only PNG files as sdtoolbox saved them can be replayed: other programs drop that text.",
        )
    before: Mapping[str, Any] = exact.get("environment") or {}
    request = _here(toolbox, exact, before)
    result = toolbox.run_request(request, inline=True)
    picture = next((p for p in result.pictures if p.index == exact.get("index", 0)), None)
    if picture is None:
        raise UserError("IMAGE_INVALID", f"{file.name} names a place in its batch that is not there.", "")
    old = np.asarray(open_picture(file).convert("RGB"), dtype=np.int16)
    new = np.asarray(open_picture(toolbox.picture_path(picture.id)).convert("RGB"), dtype=np.int16)
    if old.shape != new.shape:
        return Replay(False, 255, f"the file is {old.shape[1]}x{old.shape[0]} pixels: it was resized", picture.id)
    difference = int(np.abs(old - new).max())
    cause = "" if difference == 0 else first_cause(before, result.environment)
    return Replay(difference == 0, difference, cause, picture.id)


def recorded_threads(file: Path) -> int | None:
    """The number of threads that drew the picture, to be asked for again; None if the file does not say."""
    environment = (read_text(file).exact or {}).get("environment") or {}
    threads = environment.get("threads") if isinstance(environment, dict) else None
    return threads if isinstance(threads, int) and 0 < threads <= 1024 else None


def _here(toolbox: Toolbox, exact: Mapping[str, Any], before: Mapping[str, Any]) -> Request:
    # Catalog ids belong to one machine: a checkpoint that is elsewhere here is found by its name.
    request = toolbox.parse(str(exact.get("task", "txt2img")), exact["request"])
    wanted = str(getattr(request, "checkpoint", ""))
    if any(checkpoint.id == wanted for checkpoint in toolbox.catalog):
        return request
    name = (before.get("checkpoint") or {}).get("name", wanted)
    return request.model_copy(update={"checkpoint": toolbox.catalog.find(name).id})


def first_cause(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first difference between two environments that can change pixels, in words."""
    for key in CAUSES:
        old, new = before.get(key), now.get(key)
        if key == "checkpoint":
            old, new = (str((value or {}).get("sha256", ""))[:10] for value in (old, new))
        if old != new:
            return f"{key} was {old} and is {new}"
    return "nothing recorded differs; the file's pixels may have been edited"
