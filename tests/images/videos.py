"""Small videos for tests, made on the spot: moving colours with a tone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

BASE = Fraction(1, 12_800)
"""Seconds a unit of the time stamps: what an MP4 of 25 frames a second has."""
STEP = 512
RATE = 48_000


def moving(count: int, width: int = 64, height: int = 48, noise: float = 0.0) -> list[np.ndarray]:
    """Frames of a soft gradient that wanders, RGB uint8 [H, W, 3]; `noise` of 255 upon it."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width] / max(width, height)
    waves = [
        np.stack([np.sin(4 * x + i / 8), np.cos(3 * y - i / 9), np.sin(2 * (x + y) + i / 7)], -1) for i in range(count)
    ]
    return [(128 + 90 * one + noise * rng.standard_normal(one.shape)).clip(0, 255).astype(np.uint8) for one in waves]


def video(
    frames: Sequence[np.ndarray],
    *,
    format: str = "mp4",
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    sound: str = "aac",
    times: Sequence[int] | None = None,
    colorspace: int = 1,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video file of these frames, with a tone of the same length if `sound` names its codec.

    `times` are the frames' time stamps in units of `BASE`, 25 a second if not given.
    """
    buffer = BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(buffer, "w", format=format) as container:
        container.metadata.update(tags or {})
        stream: Any = container.add_stream(codec, rate=25, options={"crf": "10"} if options is None else options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = stream.time_base = BASE if format != "avi" else Fraction(1, 25)
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, ColorRange.MPEG
        tone: Any = container.add_stream(sound, rate=RATE, layout="mono") if sound else None
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format=pix_fmt,
                dst_colorspace=Colorspace.ITU709 if colorspace == 1 else Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts = i if format == "avi" else STEP * i if times is None else times[i]
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            add_tone(container, tone, len(frames) / 25)
    return buffer.getvalue()


def add_tone(container: Any, stream: Any, seconds: float) -> None:
    size = stream.codec_context.frame_size or 1024
    samples = np.sin(np.arange(round(seconds * RATE)) * 440 * 2 * np.pi / RATE)
    planar = stream.codec_context.format.name
    kind = np.float32 if planar.startswith("flt") else np.int16
    for start in range(0, len(samples) - size + 1, size):
        part = samples[None, start : start + size]
        values = part.astype(np.float32) if kind is np.float32 else (part * 20_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(values, format=planar, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def packets(data: bytes) -> list[bytes]:
    """The bytes of each packet of the sound."""
    with av.open(BytesIO(data)) as container:
        return [bytes(one) for one in container.demux(audio=0) if one.dts is not None]


def times(data: bytes) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(BytesIO(data)) as container:
        return [one.pts * one.time_base for one in container.decode(video=0)]


def pictures(data: bytes) -> list[np.ndarray]:
    """Every frame as it lies in the file, RGB uint8 [H, W, 3], by the matrix that the file names."""
    with av.open(BytesIO(data)) as container:
        found = []
        for one in container.decode(video=0):
            matrix = Colorspace.ITU709 if one.colorspace == 1 else Colorspace.ITU601
            found.append(
                one.reformat(format="rgb24", src_colorspace=matrix, src_color_range=one.color_range).to_ndarray()
            )
        return found


def turned(data: bytes) -> bytes:
    """The same MP4, which says that it is to be shown turned by a quarter, clockwise."""
    quarter = [0, 1, 0, -1, 0, 0, 0, 0, 0x4000]  # the matrix of the track's head, whose last number has more digits
    matrix = b"".join((one * 2**16).to_bytes(4, "big", signed=True) for one in quarter)
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + matrix + data[at + 36 :]
