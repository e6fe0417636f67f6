"""A question to a selector, checked: what was pointed at lies in the picture, and what comes back is a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Box
from sdtoolbox.protocols import Mask
from sdtoolbox.registered import SelectorInfo
from sdtoolbox.registry import Entry

Point = tuple[int, int]


def select(
    entry: Entry[SelectorInfo],
    pixels: np.ndarray,
    points: Sequence[Point] = (),
    box: Box | None = None,
    excluded: Sequence[Point] = (),
    options: Mapping[str, Any] | None = None,
) -> Mask:
    """The mask, float32 [H, W], that a selector makes of RGB uint8 [H, W, 3].

    UserError PARAM_INVALID for points or a box outside the picture, for none of either, and for options that the
    selector does not have; EXTENSION_FAILED if it gives no mask.
    """
    info, height, width = entry.value, pixels.shape[0], pixels.shape[1]
    if not points and box is None:
        raise UserError("PARAM_INVALID", "nothing was pointed at.", "Give a point on the thing, or a box.", "points")
    for field, some in (("points", points), ("excluded", excluded)):
        for x, y in some:
            if not (0 <= x < width and 0 <= y < height):
                said = f"the point {x}, {y} is outside the picture of {width}x{height} pixels."
                raise UserError("PARAM_INVALID", said, "Point into the picture.", field)
    if box is not None and not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
        said = f"the box {', '.join(map(str, box))} is not inside the picture of {width}x{height} pixels."
        raise UserError("PARAM_INVALID", said, "Give left, top, right and bottom.", "box")
    needed = {"excluded": list(excluded)} if "excluded" in info.needs else {}
    found = info.function(pixels, list(points), box, **needed, **_checked(entry, options or {}))
    if getattr(found, "shape", None) != (height, width) or not np.isfinite(found).all():
        raise UserError("EXTENSION_FAILED", f"the selector {entry.label} gave no mask.", "Tell its author.")
    return np.asarray(found, dtype=np.float32).clip(0, 1)


def _checked(entry: Entry[SelectorInfo], options: Mapping[str, Any]) -> dict[str, Any]:
    known = entry.value.options
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            said = f"{entry.label} has no option {name[:80]!r}."
            raise UserError("PARAM_INVALID", said, f"There are: {', '.join(known) or 'none'}.", "options")
        try:
            values[name] = known[name].checked(value)
        except ValueError as error:
            raise UserError("PARAM_INVALID", f"{name} cannot be {value!r:.80}.", str(error), "options") from None
    return values
