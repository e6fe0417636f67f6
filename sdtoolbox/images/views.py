"""What is shown of a picture that is too large for a browser: a JPEG of it, small."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from sdtoolbox.images.raster import Raster, eight_bits
from sdtoolbox.images.resampling import resampled
from sdtoolbox.images.video.frames import first_frame
from sdtoolbox.images.video.opening import is_video

LARGE = 2**25
"""Pixels from which on a browser would need hundreds of megabytes to show it."""
SIDE = 2048
"""Pixels of a view's longer side."""
GREY = 128
"""Behind what is transparent."""
QUALITY = 88


def still_of(source: Path) -> Raster:
    """What a file of the store shows: a picture, or the first frame of a video."""
    return first_frame(source) if is_video(source) else Raster.read(source)


def view_of(raster: Raster) -> bytes:
    """A JPEG of at most `SIDE` pixels a side; memory for a band of the picture is enough."""
    scale = min(1.0, SIDE / max(raster.size))
    width, height = (max(1, round(side * scale)) for side in raster.size)
    small = Raster(eight_bits(resampled(raster.pixels, width, height)), None, raster.icc).shown()
    if raster.alpha is not None:
        opaque = eight_bits(resampled(raster.alpha, width, height))
        ground = Image.fromarray(np.full((height, width, 3), GREY, np.uint8))
        small = Image.composite(small, ground, Image.fromarray(opaque))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
