"""A video in the making: H.264 in an MP4, written into a file that nobody sees before it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import BinaryIO, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from sdtoolbox.errors import UserError
from sdtoolbox.images.video.colours import Colours, from_rgb

ENCODER = "libx264"
THREADS = 4
"""Always as many, whatever the machine has: else the same frames would not give the same bytes."""
LOOKED_AHEAD = 80_000_000
"""Pixels that the encoder may plan with: 40 frames, as it does by itself, below full HD, fewer of larger ones."""
LONGEST_SIDE = 16_384
"""Of a frame in H.264."""
SUFFIX = ".mp4"
VERSION = av.__version__
"""The encoder comes with it, and another one may give other pixels."""
MEDIA_TYPE: Literal["video/mp4"] = "video/mp4"


class VideoWriter:
    """Frames and sound become one file; `finish` makes it whole.

    `size` is that of the frames in pixels; an odd side gets one more line of pixels, the edge's own repeated, because
    chroma has half as many. `crf` from 1, hardly any loss, to 51. `texts` are tags by name. Time stamps stay as they
    are, however unevenly they lie.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: tuple[int, int],
        time_base: Fraction,
        rate: Fraction,
        colours: Colours,
        crf: int,
        texts: Mapping[str, str],
        aspect: Fraction | None = None,
    ) -> None:
        if ENCODER not in av.codecs_available:
            said = "this installation of PyAV cannot write H.264."
            raise UserError("INTERNAL", said, "Install the av package from PyPI, which holds the encoder.")
        self._colours = colours
        self._base = time_base
        self.output = av.open(file, "w", format="mp4", container_options={"fflags": "+bitexact"})
        self.output.metadata.update(texts)
        ahead = max(4, min(40, LOOKED_AHEAD // (size[0] * size[1])))
        options = {"crf": str(crf), "rc-lookahead": str(ahead)}
        stream = self.output.add_stream(ENCODER, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self.size = size[0] + size[0] % 2, size[1] + size[1] % 2
        self._stream.width, self._stream.height = self.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = time_base
        context = self._stream.codec_context
        context.time_base = time_base
        context.thread_count = THREADS
        context.colorspace, context.color_range = colours.matrix, ColorRange.MPEG
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        if aspect:
            context.sample_aspect_ratio = aspect

    def put(self, pixels: np.ndarray, pts: int, duration: int) -> None:
        """Write a frame, RGB uint8 [H, W, 3], that is shown at `pts` for `duration`, both in units of the time base."""
        height, width = pixels.shape[:2]
        if width % 2 or height % 2:
            pixels = np.pad(pixels, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")
        frame = from_rgb(pixels, self._colours)
        frame.pts, frame.duration, frame.time_base = pts, duration, self._base
        self.output.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is still in the encoder, and the index; the file is whole then."""
        self.output.mux(self._stream.encode(None))
        self.output.close()
