"""Between a video's luma and chroma and RGB: by which matrix, in which range, and what the result is tagged with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

EXACTLY = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
EXACTLY |= Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""How pixels are converted: chroma is interpolated, and the same on every processor."""
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
"""By the number that H.273 gives to each set of matrix coefficients."""
BT709, BT601 = 1, 6
UNKNOWN = 2
HIGH = 720
"""Lines from which on a video that says nothing is taken for BT.709, as players do."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Numbers of H.273: matrix coefficients, primaries, transfer characteristics. The range is always the limited one.

    The pixels between are RGB in the video's own primaries and transfer: nothing is converted but the matrix.
    """

    matrix: int = BT709
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN


def colours_of(frame: VideoFrame) -> Colours:
    """What a video's result is to be tagged with: the same as the video, with a matrix where it says none."""
    matrix = frame.colorspace
    if frame.format.is_rgb:
        matrix = BT709
    elif matrix not in MATRICES:
        matrix = BT709 if frame.height >= HIGH else BT601
    return Colours(matrix, frame.color_primaries, frame.color_trc)


def to_rgb(frame: VideoFrame) -> np.ndarray:
    """RGB uint8 [H, W, 3] of a decoded frame of whatever format, depth and range."""
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    found = frame.reformat(
        format="rgb24",
        src_colorspace=MATRICES[colours_of(frame).matrix],
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=EXACTLY,
        threads=1,
    )
    return np.ascontiguousarray(found.to_ndarray())


def from_rgb(pixels: np.ndarray, colours: Colours) -> VideoFrame:
    """A frame of 8 bits with half the chroma a side, limited range, of RGB uint8 [H, W, 3] of even sides."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    found = frame.reformat(
        format="yuv420p",
        dst_colorspace=MATRICES[colours.matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACTLY,
        threads=1,
    )
    found.colorspace, found.color_range = colours.matrix, ColorRange.MPEG
    found.color_primaries, found.color_trc = colours.primaries, colours.transfer
    return found
