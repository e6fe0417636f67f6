"""The mask of a request as it is meant: read at the picture's size, turned round if the rest is meant, grown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sdtoolbox.errors import UserError
from sdtoolbox.schema.inpaint import Masked

if TYPE_CHECKING:
    from sdtoolbox.protocols import Mask


def meant(request: Masked, size: tuple[int, int], find: Callable[[str], Path]) -> Mask | None:
    """The mask for a picture of `size`, float32 [H, W]; None where there is none, or nothing is masked.

    `find` gives the file of an id. UserError for the field "mask" where it cannot be read, or is of another shape.
    """
    from sdtoolbox.images import masks

    if request.mask is None:
        return None
    try:
        mask = masks.read_mask(find(request.mask), size)
    except UserError as error:
        raise UserError(error.code, error.message, error.hint, "mask") from None
    if request.mask_mode == "unmasked":
        mask = masks.invert(mask)
    mask = masks.grow(mask, request.mask_grow)
    return None if masks.is_empty(mask) else mask
