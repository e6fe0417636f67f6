"""A video made of another: each frame changed, one at a time; the sound, the times and the colours' meaning stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.video.frames import MOST_FRAMES
from sdtoolbox.images.video.opening import Source, open_video, unreadable
from sdtoolbox.images.video.reel import Frame, Reel
from sdtoolbox.images.video.sound import Sound
from sdtoolbox.images.video.writing import VideoWriter

USUAL_RATE = Fraction(25)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A finished video: its `file`, an MP4, the size of its frames, the first one, and what is to be known of it."""

    file: BinaryIO
    size: tuple[int, int]
    first: Raster
    notes: tuple[str, ...]


def remade(
    source: Source,
    file: BinaryIO,
    change: Callable[[Raster], Raster],
    texts: Callable[[], Mapping[str, str]],
    crf: int,
) -> Film:
    """Write into `file` what `change` makes of each frame of a video; all of one size.

    `texts` are the tags of the new file, asked for when the first frame is done. Memory for one frame is enough.
    """
    with open_video(source) as (container, stream):
        work = _Work(container, stream, file, texts, crf)
        for one in work.reel:
            if isinstance(one, Frame):
                work.check(one)
                work.frame(one, change(Raster(one.pixels)))
            else:
                work.packet(one)
        return work.finished()


class _Work:
    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        file: BinaryIO,
        texts: Callable[[], Mapping[str, str]],
        crf: int,
    ) -> None:
        self._audio = [one for one in container.streams.audio if one.codec_context is not None]
        self.reel = Reel(container, stream, self._audio)
        if container.streams.subtitles:
            self.reel.notes["the video's subtitles are left out"] = None
        self._rate = stream.average_rate or USUAL_RATE
        self._file, self._texts, self._crf = file, texts, crf
        self._writer: VideoWriter | None = None
        self._sounds: dict[int, Sound] = {}
        self._early: list[Packet[Any]] = []  # sound from before the first frame
        self._first: Raster | None = None
        self._size: tuple[int, int] | None = None
        self._count = 0

    def check(self, frame: Frame) -> None:
        """UserError for a frame that does not go with the others."""
        height, width = frame.pixels.shape[:2]
        self._size = self._size or (width, height)
        self._count += 1
        if self._size != (width, height):
            said = (
                f"a frame of the video has {width}x{height} pixels, those before have {self._size[0]}x{self._size[1]}."
            )
            raise UserError("IMAGE_INVALID", said, "Convert the video to one size first.")
        if self._count > MOST_FRAMES:
            said = f"the video has more than {MOST_FRAMES} frames."
            raise UserError("IMAGE_TOO_LARGE", said, "Cut it into parts first.")

    def frame(self, before: Frame, after: Raster) -> None:
        if self._writer is None:
            self._first = after
            self._writer = self._open(before, after)
        self._writer.put(after.pixels, before.pts, before.duration)

    def packet(self, packet: Packet[Any]) -> None:
        if self._writer is None:
            self._early.append(packet)
        else:
            self._sounds[packet.stream.index].put(packet)

    def finished(self) -> Film:
        if self._writer is None or self._first is None:
            raise unreadable(EOFError())
        for sound in self._sounds.values():
            sound.close()
        self._writer.finish()
        self._file.seek(0)
        return Film(self._file, self._writer.size, self._first, tuple(self.reel.notes))

    def _open(self, before: Frame, after: Raster) -> VideoWriter:
        aspect = before.aspect and before.aspect * _stretch(before.pixels, after)
        writer = VideoWriter(
            self._file, after.size, before.time_base, self._rate, before.colours, self._crf, self._texts(), aspect
        )
        if writer.size != after.size:
            said = "x".join(map(str, writer.size))
            self.reel.notes[f"an edge is repeated, to {said} pixels: the sides of a video are even"] = None
        self._sounds = {one.index: Sound(one, writer.output) for one in self._audio}
        self.reel.notes |= dict.fromkeys(one.warning for one in self._sounds.values() if one.warning)
        for packet in self._early:
            self._sounds[packet.stream.index].put(packet)
        self._early.clear()
        return writer


def _stretch(before: np.ndarray, after: Raster) -> Fraction:
    """How much narrower pixels become beside their height, so that the picture keeps its shape."""
    return Fraction(before.shape[1] * after.size[1], before.shape[0] * after.size[0])
