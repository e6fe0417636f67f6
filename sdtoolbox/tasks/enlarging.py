"""A picture at another size before it is drawn again: by arithmetic, or by a network that enlarges."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.images.opening import MOST_OWN_PIXELS
from sdtoolbox.images.resampling import resampled
from sdtoolbox.protocols import FaceRestorer
from sdtoolbox.registry import Entry
from sdtoolbox.tasks.mixing import Registered, together
from sdtoolbox.tasks.prior import INVENTED
from sdtoolbox.tasks.tiling import Treatment, treated

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdtoolbox.protocols import Restorer, TaskContext
    from sdtoolbox.registered import UpscalerInfo

    Enlarge: TypeAlias = Callable[[Image.Image, int, int], Image.Image]


def upscaler_of(name: str, ctx: TaskContext, field: str = "upscaler") -> Enlarge:
    """What a resolved request's upscaler of pictures does: (RGB picture, width, height) -> one of just that size.

    EXTENSION_FAILED, for the field that names it, if an upscaler made another size.
    """
    if name in ctx.registries.upscalers:
        return _registered(ctx.registries.upscalers.get(name), field)
    return _network(name, ctx)


def on_pictures(name: str, registries: Registries) -> bool:
    """Whether an upscaler enlarges pictures: all networks do, some of those that are registered enlarge latents."""
    return name not in registries.upscalers or registries.upscalers.get(name).value.on == "pictures"


def failed(entry: Entry[UpscalerInfo], got: object, field: str) -> UserError:
    """What to say of an upscaler that made something else than was asked for."""
    said = f"upscaler {entry.label} of {entry.owner} returned {got}."
    return UserError("EXTENSION_FAILED", said, "Choose another upscaler.", field)


def _registered(entry: Entry[UpscalerInfo], field: str) -> Enlarge:
    def enlarge(picture: Image.Image, width: int, height: int) -> Image.Image:
        large: Image.Image = entry.value.function(picture, width, height)
        if getattr(large, "size", None) != (width, height):
            raise failed(entry, getattr(large, "size", type(large).__name__), field)
        return large

    return enlarge


def _network(name: str, ctx: TaskContext) -> Enlarge:
    def enlarge(picture: Image.Image, width: int, height: int) -> Image.Image:
        with ExitStack() as held:
            restorer = opened(name, ctx, held)
            pixels = np.asarray(picture)
            factor = max(width / picture.width, height / picture.height)
            for _ in range(_times(restorer.scale, factor)):
                if pixels.shape[0] * pixels.shape[1] * restorer.scale**2 > MOST_OWN_PIXELS:
                    break  # the rest is resampled
                pixels = treated(Treatment(restorer), pixels, pixels.dtype, lambda done: ctx.check_cancelled())
            known = ctx.environment.get("networks", ())
            ctx.environment["networks"] = together([{"networks": known}, restorer.environment]).get("networks", [])
        return Image.fromarray(resampled(pixels, width, height, on_band=ctx.check_cancelled))

    return enlarge


def _times(scale: int, factor: float) -> int:
    """How often a network is needed to be at least as large: never where a picture shrinks."""
    return max(0, math.ceil(math.log(factor) / math.log(scale) - 1e-6)) if factor > 1 and scale > 1 else 0


def opened(name: str, ctx: TaskContext, held: ExitStack) -> Restorer:
    """The restorer of this id: a registered one, or a network that is kept loaded until `held` ends."""
    if name in ctx.registries.restorers:
        return Registered(ctx.registries.restorers.get(name))
    found = held.enter_context(ctx.restorer(name))
    return found if isinstance(found, FaceRestorer) else announced(found, ctx)  # that is said where there is a face


def announced(restorer: Restorer, ctx: TaskContext) -> Restorer:
    """The same; if it invents, the result says so, once."""
    said = INVENTED.format(restorer.name)
    if restorer.invents and said not in ctx.warnings:
        ctx.warnings.append(said)
    return restorer
