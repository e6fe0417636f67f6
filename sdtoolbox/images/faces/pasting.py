"""Faces cut out of a picture as upright squares, and what was made of them laid back: a change, not a copy.

What is laid back is what differs between the square that a network was shown and the one that it made. So a network
that changes nothing leaves every bit, and a face that is larger than the network's square keeps the detail that the
network could not see.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.resampling import resampled
from sdtoolbox.protocols import Pixels

Matrix: TypeAlias = "NDArray[np.float64]"
"""[2, 3], from the pixels of one picture to those of another, as OpenCV takes it."""
BAND = 512
"""Rows of a picture that are changed at a time: a face may be as large as the picture."""
FADE = 1 / 8
"""The share of a square's side, at each of its edges, over which a restored face fades into the picture: chins end 0.14
above the lower one."""


def cut_out(pixels: np.ndarray, face: Face, side: int) -> Pixels | None:
    """[H, W, 3] of 8 or 16 bits -> the face's square, upright, [side, side, 3] float32 in [0, 1].

    Beyond the picture's edges it goes on as its mirror image. None if the square lies outside.
    """
    box = face.box((pixels.shape[1], pixels.shape[0]))
    if box is None:
        return None
    part = pixels[box[1] : box[3], box[0] : box[2]]
    part, matrix = _shrunk(part, face.moved(-box[0], -box[1]).matrix(side))
    found: Pixels = _warped(_shares(part), matrix, (side, side)).clip(0, 1)
    return found


def lay_back(result: np.ndarray, source: np.ndarray, face: Face, change: Pixels, share: float = 1.0) -> None:
    """Add to `result`, in place, what changed in a face's square, [side, side, 3] made less what `cut_out` gave.

    `source` is the picture that it was cut out of, both [H, W, 3] of 8 or 16 bits; `share` of it at most. What lies
    outside of the square is not touched.
    """
    side = change.shape[0]
    box = face.box((source.shape[1], source.shape[0]))
    if box is None:
        return
    columns = slice(box[0], box[2])
    matrix = face.moved(-box[0], 0).matrix(side)
    change, back = _shrunk(change, _inverse(matrix))
    for top in range(box[1], box[3], BAND):
        rows = slice(top, min(box[3], top + BAND))
        size = box[2] - box[0], rows.stop - top
        there = _warped(change, _seen_from(back, top), size)
        weight = share * _weights(matrix, side, size, top)[..., None]
        before = result[rows, columns]
        most = np.iinfo(result.dtype).max
        wanted = (_shares(source[rows, columns]) + there).clip(0, 1) * most
        now = np.rint((1 - weight) * before + weight * wanted).clip(0, most)
        result[rows, columns] = np.where(weight > 0, now, before).astype(result.dtype)


def _shares(pixels: np.ndarray) -> Pixels:
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _shrunk(values: np.ndarray, matrix: Matrix) -> tuple[np.ndarray, Matrix]:
    """[H, W, 3] as small as a similarity will make it, filtered, and what is left of that to do."""
    scale = float(np.hypot(*matrix[:, 0]))
    if scale >= 1:
        return values, matrix
    height, width = values.shape[:2]
    small = max(1, round(width * scale)), max(1, round(height * scale))
    ratio = np.array([width / small[0], height / small[1]])
    # Pixel i of the small one is around place (i + 1/2) ratio - 1/2 of the large one.
    shift = matrix[:, 2] + matrix[:, :2] @ ((ratio - 1) / 2)
    return resampled(values, *small), np.column_stack([matrix[:, :2] * ratio, shift])


def _warped(values: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    """[H, W, 3] seen through a similarity that makes nothing smaller, in another size."""
    import cv2

    found = cv2.warpAffine(values, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(found, np.float32)


def _inverse(matrix: Matrix) -> Matrix:
    turn = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turn, -turn @ matrix[:, 2]])


def _seen_from(matrix: Matrix, top: int) -> Matrix:
    """The same into a part of the picture that begins so many rows farther down."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] - (0, top)])


def _weights(matrix: Matrix, side: int, size: tuple[int, int], top: int) -> Pixels:
    """How much a square counts at each pixel of some rows from `top` on, [H, W] in [0, 1]: 0 from its edges on."""
    across, down = np.arange(size[0]), top + np.arange(size[1])[:, None]
    ramps = []
    for row in matrix:
        place = (row[0] * across + row[1] * down + row[2] + 0.5) / side
        way = (np.minimum(place, 1 - place) / FADE).clip(0, 1)
        ramps.append(np.sin(way * np.pi / 2) ** 2)
    return np.asarray(ramps[0] * ramps[1], np.float32)
