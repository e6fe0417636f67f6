"""A video unrolled: its frames, upright, in the order in which they are shown, and the packets of sound among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sdtoolbox.images.video.colours import Colours, colours_of
from sdtoolbox.images.video.frames import upright

MISSING = "parts of the video cannot be read, and are left out"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame: RGB uint8 [H, W, 3], upright; when it is shown and how long, in units of `time_base` seconds.

    `aspect` is how wide a pixel is shown beside its height, None for square ones.
    """

    pixels: np.ndarray
    pts: int
    duration: int
    time_base: Fraction
    colours: Colours
    aspect: Fraction | None


class Reel:
    """To be walked through once; `notes` says what a person should know of what was read so far.

    Each frame is decoded when it is asked for. Time stamps rise: one that does not, or is missing, follows the frame
    before it. What cannot be decoded is left out.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, sound: Sequence[AudioStream]) -> None:
        self.notes: dict[str, None] = {}
        self._container, self._stream, self._sound = container, stream, sound
        self._last: Frame | None = None
        self._count = 0

    def __iter__(self) -> Iterator[Frame | Packet[Any]]:
        for packet in self._packets():
            if packet.stream is not self._stream:
                if packet.dts is not None:  # the last one of a stream is empty
                    yield packet
                continue
            for decoded in self._decoded(packet):
                self._last = self._frame(decoded)
                self._count += 1
                yield self._last
        if self._count < self._stream.frames:
            self.notes[MISSING] = None

    def _packets(self) -> Iterator[Packet[Any]]:
        packets = self._container.demux(self._stream, *self._sound)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # the file breaks off here
                self.notes[MISSING] = None
                return
            if packet is None:
                return
            yield packet

    def _decoded(self, packet: Packet[Any]) -> list[VideoFrame]:
        try:
            return list(packet.decode())
        except av.FFmpegError:
            self.notes[MISSING] = None
            return []

    def _frame(self, frame: VideoFrame) -> Frame:
        self.notes |= dict.fromkeys(_notes(frame))
        base = frame.time_base or self._stream.time_base or Fraction(1, 1000)
        rate = self._stream.average_rate
        usual = max(1, round(1 / (base * rate))) if rate else 1
        pts, last = frame.pts if frame.pts is not None else frame.dts, self._last
        if last is not None and (pts is None or pts <= last.pts):
            pts = last.pts + (last.duration if pts is None else 1)
        aspect = self._stream.sample_aspect_ratio or None
        if aspect and frame.rotation % 180 == 90:
            aspect = 1 / aspect
        return Frame(upright(frame), pts or 0, frame.duration or usual, base, colours_of(frame), aspect)


def _notes(frame: VideoFrame) -> Iterator[str]:
    deepest = max(component.bits for component in frame.format.components)
    if deepest > 8:
        yield f"the video has {deepest} bits a channel, the result has 8"
    if any(component.is_alpha for component in frame.format.components):
        yield "the video's transparency is left out"
    if frame.interlaced_frame:
        yield "the video is interlaced: each of its frames mixes two moments, and stays so"
    if frame.rotation % 90:
        yield f"the video is to be shown turned by {frame.rotation} degrees, which is left out"
