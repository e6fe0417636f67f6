"""A window of a picture is drawn anew where a mask says so, and laid back over the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sdtoolbox.changes import Repaint
from sdtoolbox.images import masks
from sdtoolbox.images.compositing import Painted, composite
from sdtoolbox.images.raster import Box, Raster
from sdtoolbox.images.seams import match_ring
from sdtoolbox.protocols import DiffusionModel, Mask, Steer, TaskContext
from sdtoolbox.samplers.keeping import keep_outside
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.tasks import diffusion
from sdtoolbox.tasks.diffusion import Batch, again, concrete
from sdtoolbox.tasks.passes import Pass

if TYPE_CHECKING:
    from torch import Tensor

SOLID = 0.5
"""From this grey on a place is masked, for all that knows only yes and no."""


@dataclass(frozen=True, slots=True)
class Window:
    """What of a picture the network sees, and at which width and height it draws it."""

    box: Box
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture to be repainted: what it is cut from, the mask of the whole picture, what is seen of it."""

    raster: Raster
    mask: Mask
    window: Window


class Repainting:
    """Draws a part for one batch after the other; the picture is encoded and the words are read once.

    `settling` are strengths at which it is drawn over and over again: what was begun at the mask's edge without regard
    to the other side grows together with it. The idea is that of the jumps of Lugmayr et al. (2022), "RePaint", with
    whole ways down the noise levels in their place, so that any sampler can make them.
    """

    def __init__(
        self,
        part: Part,
        request: Inpaint,
        ctx: TaskContext,
        model: DiffusionModel,
        refiner: DiffusionModel | None,
        settling: Sequence[float] = (),
    ) -> None:
        self._part, self._request, self._ctx = part, request, ctx
        left, top, right, bottom = part.window.box
        self._cut = part.raster.crop(part.window.box)
        self._mask = part.mask[top:bottom, left:right]
        self._opacity = masks.opacity(part.mask, request.mask_blur)[top:bottom, left:right]
        self._seen = self._cut.picture()
        width, height = self._size = part.window.size
        small = self._seen.resize(self._size, Image.Resampling.LANCZOS)
        self._drawn_mask = mask_at(self._mask, self._size)
        # A network that was made for it knows the mask; the others are held to the picture in every step.
        shown = Repaint(small, self._drawn_mask)
        hard = bool(((self._mask == 0) | (self._mask == 1)).all())
        self._held = model.variant != "inpaint" or not hard
        asked = request.model_copy(update={"width": width, "height": height})
        own = concrete(request.width) * concrete(request.height)
        self._passes = [
            Pass(
                model.changed(shown),
                asked,
                ctx,
                strength=strength,
                exact_steps=request.exact_steps and number == 0,
                refiner=refiner and refiner.changed(shown),
                step_work=width * height / own,
            )
            for number, strength in enumerate((concrete(request.strength), *settling))
        ]
        self._pass = self._passes[0]
        self._encoded: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def last_model(self) -> DiffusionModel:
        """The one that made the last steps."""
        return self._pass.last_model

    @property
    def measured(self) -> Sequence[Mapping[str, float]]:
        """What the sampler reported of each picture, the last time that it was drawn; empty if nothing was."""
        return self._passes[-1].measured

    def pictures(self, batch: Batch[Inpaint]) -> list[Raster]:
        """The whole pictures of a batch: outside the mask and its blur the same as before, bit for bit."""
        if concrete(self._request.strength) == 0:
            return [self._part.raster] * batch.request.batch_size
        original, start, mask = self._latents(batch)
        start = start.expand(batch.request.batch_size, -1, -1, -1)
        if self._request.fill == "noise":
            noise = self._pass.model.noise(batch.seeds, *self._size, batch.variation).initial()
            start = start + mask * noise

        def steered(sigmas: Sequence[float]) -> Sequence[Steer]:
            return [keep_outside(original, mask, sigmas)] if self._held else []

        latents = start
        for number, drawing in enumerate(self._passes):
            here = again(batch, number)
            latents = drawing.latents(here, latents, steered)
        images = diffusion.pictures(self.last_model, batch, self._ctx, latents, self._size)
        return [self._laid_back(image) for image in images]

    def _latents(self, batch: Batch[Inpaint]) -> tuple[Tensor, Tensor, Tensor]:
        """What the picture is made from, what drawing starts from, and how much of each place is repainted."""
        if self._encoded is None:
            width, height = self._size
            self._ctx.stage("reading", picture=batch.first, pictures_total=batch.pictures_total, work=width * height)
            model, fill = self._pass.model, self._request.fill
            original = model.latents([self._seen.resize(self._size, Image.Resampling.LANCZOS)])
            mask = model.mask(self._drawn_mask)
            if fill in ("noise", "nothing") or self._pass.strength >= 1:  # at full strength nothing is kept
                start = original * (1 - mask)
            elif fill == "original":
                start = original
            else:
                filled = self._filled(fill).resize(self._size, Image.Resampling.LANCZOS)
                start = model.latents([filled])
            self._encoded = original, start, mask
        return self._encoded

    def _filled(self, name: str) -> Image.Image:
        filler = self._ctx.registries.fillers.get(name, "fill").value
        return Image.fromarray(filler.function(np.asarray(self._seen), self._mask >= SOLID))

    def _laid_back(self, image: Image.Image) -> Raster:
        painted: Painted = image.resize(self._cut.size, Image.Resampling.LANCZOS)
        if self._request.color_match:
            painted = match_ring(np.asarray(self._seen), np.asarray(painted), self._mask)
        return self._part.raster.pasted(composite(self._cut, painted, self._opacity), self._part.window.box)


def mask_at(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask at another size: the mean of what falls together, or smoothly between."""
    if mask.shape[::-1] == size:
        return mask
    method = Image.Resampling.BOX if size[0] < mask.shape[1] else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(mask).resize(size, method)).clip(0, 1)
