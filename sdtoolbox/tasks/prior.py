"""A checkpoint as a restorer: what it knows of pictures fills in what noise or a small size took away.

What it fills in is invented: likely, not seen. Works best on pictures of the kind that the checkpoint draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from PIL import Image

from sdtoolbox.images.resampling import resampled
from sdtoolbox.protocols import Denoiser, DiffusionModel, Pixels, TaskContext
from sdtoolbox.samplers.consistency import consistent
from sdtoolbox.samplers.guidance import classifier_free
from sdtoolbox.schema.options import Limits, options_of

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = 64
"""Pixels of the result at a tile's inner ends that are not used: too little of their surroundings was seen."""
NATIVE = 512
FARTHEST = 0.3
"""Noise that an enlarged picture is given: more of it invents more, less leaves it soft."""
CURVE = 1.5
"""How the noise levels fall: more of them where there is little noise left."""
CORRECTIONS = 2
"""How often what an enlarged picture lacks when it is made small again is added: twice leaves a grey level or less."""
INVENTED = "detail was invented by {}: likely, but not seen in the picture"


@dataclass(frozen=True, slots=True)
class Prior:
    """A `protocols.Restorer`. With scale 1 it takes noise away, else it enlarges, and what comes out stays faithful:
    made small again it is what came in."""

    model: DiffusionModel
    ctx: TaskContext
    scale: int = 1
    multiple: int = 1
    invents: bool = True

    @property
    def name(self) -> str:
        return self.model.checkpoint.name

    @property
    def reach(self) -> int | None:
        return -(-MARGIN // self.scale)

    @property
    def tile(self) -> int | None:
        return max(1, int(self.model.checkpoint.defaults.get("width", NATIVE)) // self.scale)

    @property
    def environment(self) -> Mapping[str, Any]:
        told = self.model.environment
        return {**told, "networks": [{**told["checkpoint"], "kind": "checkpoint"}]}

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        """[H, W, 3] -> [H * scale, W * scale, 3]; `options` are those of `restored`.

        Every tile begins with the same noise, wherever it is: the small picture decides about most of it.
        """
        return self.restored(pixels, noise, **options)

    def restored(
        self,
        pixels: Pixels,
        noise: float,
        *,
        steps: Annotated[int, Limits(1, 200)] = 8,
        guidance: Annotated[float, Limits(0, 30)] = 1.0,
        prompt: str = "",
        seed: Annotated[int, Limits(0, 1e6)] = 0,
    ) -> Pixels:
        """As `__call__`.

        Scale 1: the reverse process begins at the noise level that `noise` has in latents. In every step what is left
        of the noise is what the picture itself has beyond the estimate, so that nothing is added: Kawar et al. (2022),
        "Denoising Diffusion Restoration Models", equation 7, for pictures with noise alone and without fresh noise.
        Larger: it begins a little noise away from the enlarged picture; in every step what the estimate lacks of the
        small one is added. `prompt` says what is seen, `guidance` how much that counts.
        """
        denoise = self._guided(prompt, guidance)
        if self.scale == 1:
            return self._cleaned(pixels, noise, steps, denoise, seed) if noise > 0 else pixels
        return self._enlarged(pixels, steps, denoise, seed)

    def _guided(self, prompt: str, guidance: float) -> Denoiser:
        positive = self.model.encode(prompt)
        if guidance == 1 or not prompt:
            return lambda x, sigma: self.model.predict(x, sigma, [positive])[0]
        return classifier_free(positive, self.model.encode("", negative=True), guidance)(self.model.predict)

    def _cleaned(self, pixels: Pixels, noise: float, steps: int, denoise: Denoiser, seed: int) -> Pixels:
        latents = self._latents(pixels)
        drawn = np.random.default_rng(seed).normal(0, noise, pixels.shape)
        # As much noise once more: what that changes in the latents is what the noise in them amounts to.
        level = float((self._latents(pixels + drawn) - latents).std())
        watched, x = self._watched(denoise), latents
        for sigma, following in pairwise(_falling(level, steps) if level > 0 else ()):
            estimate = watched(x, sigma)
            x = estimate + (following / level) * (latents - estimate)
        return self._picture(x, pixels.shape)

    def _enlarged(self, pixels: Pixels, steps: int, denoise: Denoiser, seed: int) -> Pixels:
        height, width = (side * self.scale for side in pixels.shape[:2])
        shape = height, width, 3

        def faithful(large: Pixels) -> Pixels:
            for _ in range(CORRECTIONS):
                lacks = pixels - resampled(large, pixels.shape[1], pixels.shape[0])
                large = (large + resampled(lacks, width, height)).clip(0, 1).astype(np.float32)
            return large

        def correct(estimate: Tensor) -> Tensor:
            return self._latents(faithful(self._picture(estimate, shape)))

        latents = self._latents(resampled(pixels, width, height))
        x = latents + FARTHEST * self.model.noise([seed], width, height).initial()
        found = self._reversed(x, FARTHEST, steps, consistent(correct)(denoise))
        return faithful(self._picture(found, shape))

    def _reversed(self, x: Tensor, sigma: float, steps: int, denoise: Denoiser) -> Tensor:
        """The way down from `sigma`, by Euler's method: nothing is drawn on it, so it has one end."""
        euler = self.ctx.registries.samplers.get("euler").value.function
        found: Tensor = euler(
            self._watched(denoise),
            x,
            _falling(sigma, steps),
            noise=lambda a, b: x.new_zeros(x.shape),
            on_step=lambda *_: None,
        )
        return found

    def _watched(self, denoise: Denoiser) -> Denoiser:
        def watched(x: Tensor, sigma: float) -> Tensor:
            self.ctx.check_cancelled()
            return denoise(x, sigma)

        return watched

    def _latents(self, pixels: np.ndarray) -> Tensor:
        rounded = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
        return self.model.latents([Image.fromarray(rounded)])

    def _picture(self, latents: Tensor, shape: tuple[int, ...]) -> Pixels:
        (picture,) = self.model.decode(latents, shape[1], shape[0])
        return np.asarray(picture, np.float32) / np.float32(255)


def _falling(sigma: float, steps: int) -> list[float]:
    """Noise levels from `sigma` to 0."""
    return [sigma * (1 - i / steps) ** CURVE for i in range(steps)] + [0.0]


OPTIONS = options_of(Prior.restored, ("self", "pixels", "noise"))
"""What a stage with a checkpoint may say."""
