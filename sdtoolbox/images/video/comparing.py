"""How far two videos are apart, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

from sdtoolbox.images.video.opening import Source, open_video
from sdtoolbox.images.video.reel import Frame, Reel


def apart(one: Source, other: Source) -> int | None:
    """The largest difference of any pixel of any frame, of 255; None if sizes or numbers of frames differ."""
    most = 0
    for first, second in zip_longest(_pixels(one), _pixels(other)):
        if first is None or second is None or first.shape != second.shape:
            return None
        most = max(most, int(np.abs(first.astype(np.int16) - second).max()))
    return most


def _pixels(source: Source) -> Iterator[np.ndarray]:
    with open_video(source) as (container, stream):
        for one in Reel(container, stream, ()):
            if isinstance(one, Frame):
                yield one.pixels
