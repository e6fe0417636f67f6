"""A picture on its way into img2img: put through the preprocessor that the request names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.lending import taken_back
from sdtoolbox.images.raster import Raster, eight_bits
from sdtoolbox.registered import PreprocessorInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.pictures import NO_PREPROCESSOR

if TYPE_CHECKING:
    from sdtoolbox.protocols import TaskContext

FIELD = "preprocessor"


def prepared(raster: Raster, request: Img2Img, ctx: TaskContext) -> Raster:
    """The raster as the request's preprocessor leaves it, the very same one if it names none.

    The preprocessor sees 8 bits; what it leaves as it is keeps its 16, and alpha and profile stay. EXTENSION_FAILED if
    what it gives is no such picture, or its extension is off.
    """
    if request.preprocessor == NO_PREPROCESSOR:
        return raster
    import cv2

    entry: Entry[PreprocessorInfo] = ctx.registries.preprocessors.get(request.preprocessor, FIELD)
    # What cannot be seen may be anything, and its edge would be found.
    seen = replace(raster, pixels=raster.visible())
    shown = eight_bits(seen.pixels)
    found = checked(entry, shown, entry.value.function(shown.copy(), **request.preprocessor_options))
    ctx.environment.update(opencv=cv2.__version__)
    return taken_back(seen, Image.fromarray(shown), Image.fromarray(found)) or seen


def checked(entry: Entry[PreprocessorInfo], given: np.ndarray, found: Any) -> np.ndarray:
    """What a preprocessor made of `given`, if it is RGB uint8 of the same shape; else EXTENSION_FAILED."""
    if isinstance(found, np.ndarray) and found.dtype == np.uint8 and found.shape == given.shape:
        return found
    got = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
    said = f"the preprocessor {entry.label} of {entry.owner} gave {got} instead of uint8 {given.shape}."
    raise UserError("EXTENSION_FAILED", said, "Choose another; tell its author.", FIELD)
