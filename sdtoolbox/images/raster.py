"""A raster: a decoded picture at its own depth, in its own colours, with its alpha. Only here a file becomes pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from sdtoolbox.images import png
from sdtoolbox.images.canvas import canvas
from sdtoolbox.images.decoding import decoded, shallow
from sdtoolbox.images.filling import spread
from sdtoolbox.images.opening import MOST_PIXELS, file_bytes
from sdtoolbox.images.profiles import rgb_profile, to_srgb
from sdtoolbox.images.resampling import SUPPORT, resampled

Box: TypeAlias = tuple[int, int, int, int]
"""left, top, right and bottom in pixels; right and bottom are just outside."""
MIDDLE_GREY = 128
BAND = 256
"""Rows that are made at a time where there is an alpha."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """`pixels`: RGB [H, W, 3], uint8 or uint16, upright; `alpha`: [H, W] of the same type, or None where all is opaque.

    `icc` is the profile that says which colours these numbers are, None for sRGB. Alpha is straight: the colours are
    not multiplied with it.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    icc: bytes | None = None

    @classmethod
    def read(cls, source: bytes | Path, most: int = MOST_PIXELS) -> Raster:
        """The picture in a file of one of `opening.FORMATS`, turned as its EXIF says; of several frames the first.

        Greys become RGB with equal channels. UserError IMAGE_INVALID, in words, for what cannot be read,
        IMAGE_TOO_LARGE for what is beyond the limits; `most` pixels are, ours may have more than a stranger's.
        """
        return cls(*decoded(file_bytes(source, most), most))

    @classmethod
    def of(cls, picture: Image.Image) -> Raster:
        """A Pillow picture of 8 bits, with its alpha and its profile if it has them."""
        return cls(*shallow(picture), rgb_profile(picture.info.get("icc_profile")))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def maximum(self) -> int:
        """What white is: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)

    @property
    def grey(self) -> bool:
        """True if its three channels are equal."""
        first = self.pixels[..., 0]
        return bool((first == self.pixels[..., 1]).all() and (first == self.pixels[..., 2]).all())

    def visible(self) -> np.ndarray:
        """The pixels at their own depth, with the visible colours around continued where nothing is seen.

        Anything may lie there, black as a rule: so nothing unseen leaves a halo. What can be seen, however faintly,
        stays. A picture of which nothing is seen is middle grey.
        """
        if self.alpha is None or not (self.alpha < self.maximum).any():
            return self.pixels
        return self._visible(self.alpha)

    def picture(self) -> Image.Image:
        """What networks of models are shown: RGB of 8 bits in sRGB, as `visible`."""
        return to_srgb(Image.fromarray(eight_bits(self.visible())), self.icc)

    def of_depth(self, dtype: np.dtype) -> Raster:
        """With 8 or 16 bits a channel."""
        if self.pixels.dtype == dtype:
            return self
        change = eight_bits if dtype == np.uint8 else sixteen_bits
        return replace(self, pixels=change(self.pixels), alpha=None if self.alpha is None else change(self.alpha))

    def shown(self) -> Image.Image:
        """What people are shown: of 8 bits in sRGB, RGB or with its alpha RGBA."""
        picture = to_srgb(Image.fromarray(eight_bits(self.pixels)), self.icc)
        if self.alpha is not None:
            picture.putalpha(Image.fromarray(eight_bits(self.alpha)))
        return picture

    def _visible(self, alpha: np.ndarray) -> np.ndarray:
        if not alpha.any():
            return np.full(self.pixels.shape, MIDDLE_GREY * (self.maximum // 255), self.pixels.dtype)
        if alpha.all():
            return self.pixels
        found = spread(self.pixels.astype(np.float32), (alpha > 0).astype(np.float32))
        return np.where(alpha[..., None] > 0, self.pixels, self._rounded(found))

    def crop(self, box: Box) -> Raster:
        """The part within a box that lies inside the picture."""
        left, top, right, bottom = box
        if not (0 <= left < right <= self.size[0] and 0 <= top < bottom <= self.size[1]):
            raise ValueError(f"the box {box} is not inside {self.size}")
        part = (slice(top, bottom), slice(left, right))
        alpha = None if self.alpha is None else self.alpha[part].copy()
        return replace(self, pixels=self.pixels[part].copy(), alpha=alpha)

    def pasted(self, part: Raster, box: Box) -> Raster:
        """With another raster of the same kind in place of what lies in a box of its size."""
        left, top, right, bottom = box
        pixels, alpha = self.pixels.copy(), None if self.alpha is None else self.alpha.copy()
        pixels[top:bottom, left:right] = part.pixels
        if alpha is not None:
            alpha[top:bottom, left:right] = part.maximum if part.alpha is None else part.alpha
        return replace(self, pixels=pixels, alpha=alpha)

    def extended(self, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> Raster:
        """With so many more pixels at each side: the edge's own repeated, and transparent if there is an alpha."""
        sides = [(top, bottom), (left, right)]
        alpha = None if self.alpha is None else np.pad(self.alpha, sides)
        return replace(self, pixels=np.pad(self.pixels, [*sides, (0, 0)], mode="edge"), alpha=alpha)

    def resized(self, width: int, height: int) -> Raster:
        """In another size, by Lanczos's filter at full depth; colours count by how opaque they are."""
        if (width, height) == self.size:
            return self
        if self.alpha is None:
            return replace(self, pixels=resampled(self.pixels, width, height))
        pixels = canvas((height, width, 3), self.pixels.dtype)
        alpha = canvas((height, width), self.pixels.dtype)
        for top in range(0, height, BAND):
            rows = slice(top, min(height, top + BAND))
            pixels[rows], alpha[rows] = self._band(self.alpha, width, height, rows)
        return replace(self, pixels=pixels, alpha=alpha)

    def _band(self, alpha: np.ndarray, width: int, height: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Some rows of `resized`, with alpha: of what they are made of memory for little more is needed."""
        step = self.size[1] / height
        first, last = rows.start * step, rows.stop * step
        reach = math.ceil(SUPPORT * max(1.0, step)) + 1
        above = max(0, math.floor(first) - reach)
        near = slice(above, math.ceil(last) + reach)
        region = 0.0, first - above, float(self.size[0]), min(last, self.size[1]) - above
        pixels, opaque = self.pixels[near], alpha[near].astype(np.float32)[..., None] / self.maximum
        size = width, rows.stop - rows.start
        share = resampled(opaque, *size, region)
        straight = resampled(pixels.astype(np.float32), *size, region)  # for where nothing is seen
        seen = resampled(pixels * opaque, *size, region) / np.maximum(share, 1e-3)
        found = np.where(share > 1e-3, seen, straight)
        return self._rounded(found), self._rounded(share[..., 0] * self.maximum)

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.rint(values.clip(0, self.maximum)).astype(self.pixels.dtype)
        return found

    def png(self, texts: Mapping[str, str] | None = None) -> bytes:
        """A PNG file of this depth with alpha, profile and texts by key; `read` gives back the same, bit for bit.

        The same raster and texts give the same bytes.
        """
        return b"".join(self.png_pieces(texts or {}))

    def png_pieces(self, texts: Mapping[str, str]) -> Iterator[bytes]:
        """The same bytes, piece by piece: of a large picture none of them is large."""
        return png.pieces(self.pixels, self.alpha, self.icc, texts)


def eight_bits(values: np.ndarray) -> np.ndarray:
    """uint8 of uint8 or, rounded, of uint16."""
    return values if values.dtype == np.uint8 else ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def sixteen_bits(values: np.ndarray) -> np.ndarray:
    """uint16 of uint8."""
    return values.astype(np.uint16) * np.uint16(257)
