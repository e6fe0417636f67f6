"""What is not a network in a network's clothes: registered functions, resamplings, and two enlargers mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.resampling import SUPPORT, resampled
from sdtoolbox.protocols import Pixels, Restorer
from sdtoolbox.registered import RestorerInfo, UpscalerInfo
from sdtoolbox.registry import Entry

WHOLE = 2**30
"""As a tile's side: larger than any picture."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered restorer as a `protocols.Restorer`."""

    entry: Entry[RestorerInfo]
    multiple: int = 1
    invents: bool = False

    @property
    def name(self) -> str:
        return self.entry.label

    @property
    def scale(self) -> int:
        return self.entry.value.scale

    @property
    def reach(self) -> int | None:
        return self.entry.value.reach

    @property
    def tile(self) -> int | None:
        return WHOLE if self.reach is None else None

    @property
    def environment(self) -> Mapping[str, Any]:
        import cv2

        return {"opencv": cv2.__version__}

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        offered = {"noise": noise, "quality": quality}
        given = {name: offered[name] for name in self.entry.value.needs}
        found = np.asarray(self.entry.value.function(pixels, **given, **options), np.float32)
        wanted = (pixels.shape[0] * self.scale, pixels.shape[1] * self.scale, 3)
        if found.shape != wanted:
            said = f"restorer {self.name} of {self.entry.owner} made {found.shape} of {pixels.shape}, not {wanted}."
            raise UserError("EXTENSION_FAILED", said, "Choose another restorer, and tell its author.")
        if not np.isfinite(found).all():
            said = f"restorer {self.name} answered with numbers that are not finite."
            raise UserError("NUMERIC", said, "Choose other options, or another restorer.")
        return found


@dataclass(frozen=True, slots=True)
class Resampled:
    """A registered upscaler of pictures as a `protocols.Restorer` of a whole factor."""

    entry: Entry[UpscalerInfo]
    scale: int
    reach: int | None = SUPPORT + 1
    multiple: int = 1
    tile: int | None = None
    invents: bool = False

    @property
    def name(self) -> str:
        return self.entry.label

    @property
    def environment(self) -> Mapping[str, Any]:
        return {}

    def __call__(self, pixels: Pixels, *, noise: float, quality: int = 100, **options: Any) -> Pixels:
        return enlarged(self.entry, pixels, pixels.shape[1] * self.scale, pixels.shape[0] * self.scale)


def enlarged(entry: Entry[UpscalerInfo], pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """What a registered upscaler of pictures makes of [H, W] or [H, W, C] of any type: float32, plane by plane."""
    planes = pixels.reshape(*pixels.shape[:2], -1).astype(np.float32)
    found = [
        np.asarray(entry.value.function(Image.fromarray(np.ascontiguousarray(planes[..., i])), width, height))
        for i in range(planes.shape[2])
    ]
    return np.dstack(found).reshape(height, width, *pixels.shape[2:])


@dataclass(frozen=True, slots=True)
class Mixture:
    """Two restorers, of whose results the second counts `share`, in the size of the first one's."""

    first: Restorer
    second: Restorer
    share: float

    @property
    def name(self) -> str:
        return f"{self.first.name} and {self.second.name}"

    @property
    def scale(self) -> int:
        return self.first.scale

    @property
    def reach(self) -> int | None:
        reaches = self.first.reach, self.second.reach
        return None if None in reaches else max(reach for reach in reaches if reach is not None)

    @property
    def multiple(self) -> int:
        return math.lcm(self.first.multiple, self.second.multiple)

    @property
    def tile(self) -> int | None:
        sides = [side for side in (self.first.tile, self.second.tile) if side is not None]
        return min(sides, default=None)

    @property
    def invents(self) -> bool:
        return self.first.invents or self.second.invents

    @property
    def environment(self) -> Mapping[str, Any]:
        return together([self.first.environment, self.second.environment])

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        one = self.first(pixels, noise=noise, quality=quality, at=at)
        other = self.second(pixels, noise=noise, quality=quality, at=at)
        if other.shape != one.shape:
            other = resampled(other, one.shape[1], one.shape[0])
        mixed: Pixels = (1 - self.share) * one + self.share * other
        return mixed


def together(environments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What decides about pixels where several restorers do, with all their networks, each once, in order."""
    networks: list[Any] = []
    found: dict[str, Any] = {}
    for one in environments:
        networks += [network for network in one.get("networks", ()) if network not in networks]
        found |= one
    return found | {"networks": networks} if networks else found
