"""What works on pixels promises: shapes, ranges, and that nobody sees where tiles meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from sdtoolbox.registered import FillerInfo, PreprocessorInfo, RestorerInfo, SelectorInfo, UpscalerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.selectors.selecting import select
from sdtoolbox.tasks.mixing import Registered, enlarged
from sdtoolbox.testing.check import Look, PromiseError, at_each_end, extremes

HEIGHT, WIDTH = 45, 64
CLOSE = 2 / 255
"""What nobody sees, and no depth of 8 bits shows as more than two steps."""
LARGEST_REACH = 200
BEYOND = 0.1
"""How far beyond 0 and 1 a restorer may go, as sharpening does: what is beyond is cut off later."""


def sample(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """A picture with slopes, an edge and grain: RGB float32 [height, width, 3] in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    planes = np.dstack([x / width, y / height, (x > width / 2) * 0.6 + 0.2])
    noisy = np.clip(planes + rng.normal(0, 0.05, planes.shape), 0, 1)
    found: np.ndarray = noisy.astype(np.float32)
    return found


def sample_bytes(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """The same as uint8."""
    found: np.ndarray = np.rint(sample(height, width) * 255).astype(np.uint8)
    return found


def restores(entry: Entry[RestorerInfo]) -> str:
    """A finite picture of the right size and range, at any noise and quality and with every option."""
    for noise, quality in ((0.0, 100), (0.1, 100), (0.0, 30), (1.0, 1)):
        _restored(entry, noise=noise, quality=quality)
    return at_each_end(entry.value.options, lambda given: _restored(entry, noise=0.1, **given))


def tiles_are_the_whole(entry: Entry[RestorerInfo]) -> str:
    """What lies farther from a tile's rim than `reach` is what the whole picture gives there."""
    reach, scale = entry.value.reach, entry.value.scale
    if reach is None:
        return "it says no reach: the picture comes in one piece"
    if reach > LARGEST_REACH:
        return f"a reach of {reach} is too far to be looked at here"
    side = 2 * reach + 24
    picture = sample(side + 16, side + 16)
    whole = Registered(entry)(picture, noise=0.1)
    tile = Registered(entry)(np.ascontiguousarray(picture[8 : 8 + side, 8 : 8 + side]), noise=0.1)
    inside = slice(reach * scale, (side - reach) * scale)
    there = slice((8 + reach) * scale, (8 + side - reach) * scale)
    away = float(np.abs(tile[inside, inside] - whole[there, there]).max())
    if away > CLOSE:
        raise PromiseError(
            f"{reach} pixels inside a tile it differs by {away * 255:.1f}/255 from the whole: say a larger reach"
        )
    return f"differs by {away * 255:.2g}/255 beyond a reach of {reach}"


def fills(entry: Entry[FillerInfo]) -> str:
    """Pixels of the same shape and type, with holes inside, at the rim, and without any."""
    pixels = sample_bytes()
    for name, (top, left) in {"inside": (10, 20), "at the corner": (0, 0), "none": (HEIGHT, WIDTH)}.items():
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[top : top + 9, left : left + 12] = True
        given, hole = pixels.copy(), mask.copy()
        found = np.asarray(entry.value.function(given, hole))
        if found.shape != pixels.shape or found.dtype != np.uint8:
            raise PromiseError(f"hole {name}: it returns {found.dtype} {found.shape} instead of uint8 {pixels.shape}")
        if not (np.array_equal(given, pixels) and np.array_equal(hole, mask)):
            raise PromiseError("it changes the pixels or the mask that it is given: work on a copy")
    return "holes inside, at the corner, and none"


def selects(entry: Entry[SelectorInfo]) -> str:
    """A mask [H, W] from 0 to 1 for points, for a box, for both, and with every option."""
    pixels = sample_bytes()
    before, point, box = pixels.copy(), [(50, 20)], (34, 5, 60, 40)
    share = float(select(entry, pixels, point).mean())
    select(entry, pixels, [], box)
    select(entry, pixels, point, box, excluded=[(5, 5)])
    for name, value in extremes(entry.value.options):
        select(entry, pixels, point, options={name: value})
    if not np.array_equal(pixels, before):
        raise PromiseError("it changes the pixels that it is given: work on a copy")
    return f"{share:.1%} of the picture at a point"


def prepares(entry: Entry[PreprocessorInfo]) -> str:
    """A picture of the same shape and type, with every option."""

    def look(given: dict[str, Any]) -> None:
        for height, width in ((HEIGHT, WIDTH), (8, 8)):
            pixels = sample_bytes(height, width)
            before = pixels.copy()
            found = np.asarray(entry.value.function(pixels, **given))
            if found.shape != before.shape or found.dtype != np.uint8:
                raise PromiseError(f"it returns {found.dtype} {found.shape} instead of uint8 {before.shape}")
            if not np.array_equal(pixels, before):
                raise PromiseError("it changes the pixels that it is given: work on a copy")

    look({})
    return at_each_end(entry.value.options, look)


def enlarges(entry: Entry[UpscalerInfo]) -> str:
    """Pictures and latents of exactly the size that is asked for."""
    if entry.value.on == "latents":
        import torch

        latents = torch.randn((2, 4, 6, 8), generator=torch.Generator().manual_seed(0))
        found = entry.value.function(latents, 9, 16)
        if tuple(found.shape) != (2, 4, 9, 16) or not bool(found.isfinite().all()):
            raise PromiseError(f"it makes {tuple(found.shape)} of (2, 4, 6, 8), not finite (2, 4, 9, 16)")
        return "6x8 to 9x16"
    picture = Image.fromarray(sample_bytes())
    found = entry.value.function(picture, 96, 70)
    if not isinstance(found, Image.Image) or found.size != (96, 70):
        got = found.size if isinstance(found, Image.Image) else type(found).__name__
        raise PromiseError(f"it makes {got} of {picture.size} instead of (96, 70)")
    if enlarged(entry, sample(), 96, 70).shape != (70, 96, 3):
        raise PromiseError("it cannot enlarge pictures of mode F, as a deep picture's channels come")
    return f"{WIDTH}x{HEIGHT} to 96x70"


def _restored(entry: Entry[RestorerInfo], **given: float) -> None:
    for height, width in ((HEIGHT, WIDTH), (1, 9)):
        pixels = sample(height, width)
        before = pixels.copy()
        found = Registered(entry)(pixels, **given)  # type: ignore[arg-type]
        if found.min() < -BEYOND or found.max() > 1 + BEYOND:
            raise PromiseError(
                f"its pixels go from {found.min():.3g} to {found.max():.3g}: they must lie between 0 and 1"
            )
        if not np.array_equal(pixels, before):
            raise PromiseError("it changes the pixels that it is given: work on a copy")


RESTORERS: Mapping[str, Look] = {"restores": restores, "tiles are the whole": tiles_are_the_whole}
FILLERS: Mapping[str, Look] = {"fills": fills}
PREPROCESSORS: Mapping[str, Look] = {"prepares": prepares}
SELECTORS: Mapping[str, Look] = {"selects": selects}
UPSCALERS: Mapping[str, Look] = {"enlarges": enlarges}
