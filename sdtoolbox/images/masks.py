"""Masks: float32 [H, W] in [0, 1], 1 where a picture is to be repainted, grey for a part of the strength.

All functions give new arrays. Lengths are in pixels.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.opening import FORMATS, file_bytes, opened
from sdtoolbox.images.raster import Box, Raster
from sdtoolbox.protocols import Mask

BLUR = 4.0
"""The usual blur; it reaches 10 pixels."""
ASPECT_TOLERANCE = 0.01
LOSSY_NOISE = 8 / 255
"""How far JPEG, WebP and AVIF move black and white near an edge; a mask saved so would cover a whole picture thinly."""
LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
GREY_LEVELS = 32
FULL_STRENGTH = 0.25
"""From this grey on, what was repainted is shown as it is; below it differs so little that it is mixed in."""


def read_mask(source: bytes | Path, size: tuple[int, int]) -> Mask:
    """The mask in a picture file, for a picture of `size`, width and height.

    The brightness; of a picture whose alpha varies, the alpha, as drawing programs leave it. Turned as its EXIF says.
    A mask of another size is resized if its proportions are the same within 1 %, else UserError MASK_INVALID.
    """
    data = file_bytes(source)
    raster = Raster.read(data)
    mask = _values(raster)
    if opened(data, FORMATS).format not in LOSSLESS:
        mask = np.where(mask < LOSSY_NOISE, 0, np.where(mask > 1 - LOSSY_NOISE, 1, mask)).astype(np.float32)
    if raster.size == size:
        return mask
    wide, aspect = raster.size[0] / raster.size[1], size[0] / size[1]
    if abs(wide - aspect) > ASPECT_TOLERANCE * aspect:
        have, want = ("x".join(map(str, sides)) for sides in (raster.size, size))
        raise UserError(
            "MASK_INVALID",
            f"the mask is {have} pixels, the picture {want}.",
            "Use a mask of the picture's size, or of the same proportions.",
            "mask",
        )
    image = Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image).clip(0, 1)


def _values(raster: Raster) -> Mask:
    alpha = raster.alpha
    if alpha is not None and alpha.min() != alpha.max():
        return (alpha / raster.maximum).astype(np.float32)
    # Luma by ITU-R BT.601 in whole numbers that add up to 2^16: a grey keeps its value exactly.
    luma = (raster.pixels.astype(np.uint64) * np.array([19595, 38470, 7471], np.uint64)).sum(axis=2) + 2**15 >> 16
    mask = luma / raster.maximum
    if alpha is not None:  # the same everywhere: an emptied layer is no mask, whatever colour it has
        mask = mask * (int(alpha.max()) / raster.maximum)
    found: np.ndarray = mask.astype(np.float32)
    return found


def mask_png(mask: Mask) -> bytes:
    """A mask as a grey PNG file of 8 bits, white where it is 1."""
    from io import BytesIO

    buffer = BytesIO()
    Image.fromarray(np.rint(mask.clip(0, 1) * 255).astype(np.uint8)).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def is_empty(mask: Mask) -> bool:
    """Whether nothing is to be repainted."""
    return not (mask > 0).any()


def invert(mask: Mask) -> Mask:
    """What was to be repainted is kept, and the other way round."""
    return np.float32(1) - mask


def grow(mask: Mask, radius: int) -> Mask:
    """Larger by a disc of this radius; a negative one makes it smaller. The picture's border is no edge of it.

    Hard masks exactly; where there are many greys what is added is rounded down to one of 32.
    """
    if radius < 0:
        return shrink(mask, -radius)
    box = box_of(mask)
    if radius == 0 or box is None:
        return mask.copy()
    left, top, right, bottom = padded(box, radius, (mask.shape[1], mask.shape[0]))
    part = mask[top:bottom, left:right]
    grown = np.array(part)
    for level in _levels(part):
        grown[distance(part >= level) <= radius] = level
    found = mask.copy()
    found[top:bottom, left:right] = np.maximum(part, grown)
    return found


def shrink(mask: Mask, radius: int) -> Mask:
    """Smaller by a disc of this radius, but not from the border of the picture; a negative one makes it larger."""
    return invert(grow(invert(mask), radius))


def _levels(mask: Mask) -> list[float]:
    """The values above 0, rising; if they are too many, evenly spread ones from the least to the largest."""
    found = np.unique(mask[mask > 0])
    if len(found) > GREY_LEVELS:
        found = np.linspace(found[0], found[-1], GREY_LEVELS, dtype=np.float32)
    return [float(level) for level in found]


def distance(inside: np.ndarray) -> np.ndarray:
    """float32 [H, W]: how many pixels each place is from the nearest one inside (bool), centre to centre."""
    import cv2

    outside = np.uint8(1) - inside.astype(np.uint8)
    found: np.ndarray = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return found


def reach(radius: float) -> int:
    """How many pixels a blur of this radius goes at most: two and a half times as many, rounded up."""
    return math.ceil(2.5 * radius)


def blur(mask: Mask, radius: float) -> Mask:
    """Softened by a Gaussian of this standard deviation, cut off at `reach(radius)`: beyond that nothing changes."""
    return _softened(mask, reach(radius), radius)


def _softened(mask: Mask, half: int, deviation: float) -> Mask:
    import cv2

    if half == 0:
        return mask.copy()
    side = 2 * half + 1
    found = cv2.GaussianBlur(mask, (side, side), deviation, borderType=cv2.BORDER_REPLICATE)
    found[found > 1 - 1e-6] = 1  # the weights of a kernel add up to 1 but for rounding
    return np.asarray(found).clip(0, 1)


def fill_holes(mask: Mask) -> Mask:
    """With what it encloses: a closed line becomes an area. A line that ends at the border encloses nothing there."""
    import cv2

    framed_mask = np.pad((mask >= 0.5).astype(np.uint8), 1)
    cv2.floodFill(framed_mask, None, (0, 0), 2)
    return np.where(framed_mask[1:-1, 1:-1] == 0, np.float32(1), mask)


def opacity(mask: Mask, radius: float = BLUR) -> Mask:
    """How much of what was painted is shown: all of it inside the mask, none `reach(radius)` pixels away from it.

    float32 [H, W]. The mask is grown by half the reach and softened by the other half, so that the change from picture
    to painting lies outside the mask, where both show the same. Where the mask is a faint grey it fades with it.
    """
    solid = (mask / FULL_STRENGTH).clip(0, 1).astype(np.float32)
    half = reach(radius) // 2
    beyond = _softened(grow((solid == 1).astype(np.float32), half), half, half / 2.5)
    found: np.ndarray = np.maximum(solid, beyond)
    return found


def box_of(mask: Mask) -> Box | None:
    """The smallest box that holds all that is above 0, None if nothing is."""
    rows, columns = (np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def padded(box: Box, padding: int, size: tuple[int, int]) -> Box:
    """The box with so many pixels more at each side, cut at the picture's border."""
    left, top, right, bottom = box
    width, height = size
    return max(left - padding, 0), max(top - padding, 0), min(right + padding, width), min(bottom + padding, height)


def framed(box: Box, size: tuple[int, int], padding: int = 0, aspect: float | None = None) -> Box:
    """The part of a picture of `size` to work on: the box, padded, and widened to `aspect`, width over height.

    It stays within the picture: where it would stick out it is moved, and only where that is not enough it has another
    aspect than asked for. It always holds the padded box.
    """
    left, top, right, bottom = padded(box, padding, size)
    if aspect is None:
        return left, top, right, bottom
    width, height = right - left, bottom - top
    if width < height * aspect:
        left, right = _widened(left, right, round(height * aspect), size[0])
    else:
        top, bottom = _widened(top, bottom, round(width / aspect), size[1])
    return left, top, right, bottom


def _widened(start: int, end: int, length: int, limit: int) -> tuple[int, int]:
    """As near as possible to the same middle, within 0 and the limit; never shorter than before."""
    length = min(max(length, end - start), limit)
    start = min(max((start + end - length) // 2, 0), limit - length)
    return start, start + length
