"""Erasing: what is masked goes, and its surroundings are continued, without a prompt and without a diffusion model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images import masks
from sdtoolbox.images.compositing import composite
from sdtoolbox.images.seams import match_ring, seam_score
from sdtoolbox.protocols import Drawn, TaskContext
from sdtoolbox.schema.inpaint import Erase
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.masking import meant
from sdtoolbox.tasks.repainting import mask_at

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension

LEAST_AROUND = 32
"""Pixels of the surroundings that are seen at least; else half as much as is masked."""
LARGEST_SIDE = 1024
"""Of what a network sees: of more it makes patterns, and memory runs out."""
Eraser = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(pixels uint8 [H, W, 3], masked bool [H, W]) -> pixels of the same shape."""


def run(request: Erase, ctx: TaskContext) -> Iterator[Drawn]:
    """Erase what is masked of a resolved request's picture; the rest stays as it is, bit for bit.

    Only a box around the mask is looked at, so that a large picture costs no more than a small one.
    """
    source = ctx.picture(concrete(request.image))
    mask = meant(request, source.size, ctx.picture_path)
    if mask is None:
        raise UserError("MASK_INVALID", "nothing is masked.", "Paint over what is to go.", "mask")
    opacity = masks.opacity(mask, request.mask_blur)
    box = masks.box_of(opacity)
    assert box is not None, "the opacity is nowhere less than the mask"
    around = max(LEAST_AROUND, box[2] - box[0], box[3] - box[1]) // 2 + LEAST_AROUND // 2
    box = masks.framed(box, source.size, around)
    rows, columns = slice(box[1], box[3]), slice(box[0], box[2])
    cut = source.crop(box)
    pixels = np.asarray(cut.picture())
    if request.network is not None:
        erased = _by_network(ctx.eraser(request.network), pixels, mask[rows, columns], ctx)
    else:
        ctx.stage("restoring", work=cut.size[0] * cut.size[1])
        filler = ctx.registries.fillers.get(request.eraser, "eraser").value
        erased = filler.function(pixels, mask[rows, columns] > 0)
    matches = request.color_match and request.network is not None  # fillers have the colours of what is around
    painted = match_ring(pixels, erased, mask[rows, columns]) if matches else Image.fromarray(erased)
    raster = source.pasted(composite(cut, painted, opacity[rows, columns]), box)
    yield Drawn(raster, 0, request, 0, measured={"seam": round(seam_score(raster.picture(), mask), 3)})


def _by_network(eraser: Eraser, pixels: np.ndarray, mask: np.ndarray, ctx: TaskContext) -> np.ndarray:
    """What a network makes of it; a large picture is shown to it smaller."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    ctx.stage("restoring", work=size[0] * size[1])
    painted = eraser(small, mask_at((mask > 0).astype(np.float32), size) > 0)
    return np.asarray(Image.fromarray(painted).resize((width, height), Image.Resampling.LANCZOS))


def register(ext: Extension) -> None:
    """Add the task of this file."""
    ext.task(Erase, run, label="Erase")
