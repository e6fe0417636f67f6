"""What a video is, and single frames of it, upright."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.colours import to_rgb
from sdtoolbox.images.video.opening import Source, open_video, readable, unreadable

MOST_FRAMES = 1_000_000
"""Of a video: nine hours at 30 a second."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a video is: `size` in pixels, as it is seen upright; `frames`, as far as its file says, and seconds."""

    size: tuple[int, int]
    frames: int
    seconds: float


def facts_of(source: Source) -> Facts:
    """Size, length and the number of frames of a video of which the first frame can be decoded; UserError if not."""
    with open_video(source) as (container, stream):
        first = first_of(container, stream)
        turned = first.rotation % 180 == 90
        size = (first.height, first.width) if turned else (first.width, first.height)
        return Facts(size, frames_of(container, stream), seconds_of(container, stream))


def seconds_of(container: InputContainer, stream: VideoStream) -> float:
    """How long a video is, 0 where its file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def frames_of(container: InputContainer, stream: VideoStream) -> int:
    """How many frames a video has: as its file says, else by its length and rate, else as many packets as there are."""
    likely = stream.frames or round(seconds_of(container, stream) * float(stream.average_rate or 0))
    if likely > 0:
        return likely
    with readable():
        container.seek(0)  # something may have been decoded already
        return max(1, sum(packet.size > 0 for packet in container.demux(stream)))


def first_of(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The next frame that can be decoded; IMAGE_INVALID if there is none."""
    with readable():
        found = next(container.decode(stream), None)
    if found is None:
        raise unreadable(EOFError())
    return found


def first_frame(source: Source) -> Raster:
    """The first frame of a video, upright."""
    with open_video(source) as (container, stream):
        return Raster(upright(first_of(container, stream)))


def some_frames(source: Source, count: int) -> list[Raster]:
    """Frames from all over a video: of `count` equal parts the first that can be decoded from the middle of each.

    Fewer of a short one; at least one.
    """
    found: dict[int, Raster] = {}
    with open_video(source) as (container, stream):
        length = seconds_of(container, stream)
        for i in range(count):
            with suppress(av.FFmpegError, UserError):  # a place that cannot be found, or is damaged
                container.seek(round((i + 0.5) * length / count * av.time_base) + (container.start_time or 0))
                frame = first_of(container, stream)
                found.setdefault(frame.pts or 0, Raster(upright(frame)))
    return list(found.values()) or [first_frame(source)]


def upright(frame: VideoFrame) -> np.ndarray:
    """RGB uint8 [H, W, 3] of a decoded frame, turned as its file says."""
    pixels = to_rgb(frame)
    turns = round(frame.rotation / 90) if frame.rotation % 90 == 0 else 0
    return np.ascontiguousarray(np.rot90(pixels, turns))
