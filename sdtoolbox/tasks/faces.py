"""The stage of a chain that restores faces: they are looked for in the whole picture, all else stays bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sdtoolbox.images.canvas import canvas
from sdtoolbox.images.faces.pasting import cut_out, lay_back
from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.raster import Box, eight_bits, sixteen_bits
from sdtoolbox.protocols import FaceRestorer
from sdtoolbox.tasks.tiling import Treatment

if TYPE_CHECKING:
    from sdtoolbox.images.raster import Raster

NO_FACE = "no face was found: {} changed nothing"
BAND = 512
"""Rows that are copied at a time."""


def restores_faces(treatment: Treatment) -> bool:
    """Whether it is one for faces alone."""
    return isinstance(treatment.restorer, FaceRestorer)


def found_faces(treatments: Iterable[Treatment], picture: Raster) -> tuple[Face, ...]:
    """The faces of a whole picture as it came, in its pixels; none if no treatment asks for them.

    Before any stage: so a window of the picture, and a face stage before or behind an enlarger, know of the same faces.
    """
    asking = (one.restorer for one in treatments)
    finder = next((one for one in asking if isinstance(one, FaceRestorer)), None)
    return () if finder is None else finder.faces(picture.visible())


def spanned(box: Box, faces: Sequence[Face], size: tuple[int, int]) -> Box:
    """A box of a picture, grown to all that decides about the faces which lie in it in part."""
    grown = box
    for part in (face.box(size) for face in faces):
        if part and part[0] < box[2] and part[2] > box[0] and part[1] < box[3] and part[3] > box[1]:
            grown = (
                min(grown[0], part[0]),
                min(grown[1], part[1]),
                max(grown[2], part[2]),
                max(grown[3], part[3]),
            )
    return grown


def whole_faces(faces: Sequence[Face], box: Box, size: tuple[int, int]) -> tuple[Face, ...]:
    """The faces of which nothing that decides about them lies outside a box."""
    boxes = [(face, face.box(size)) for face in faces]
    return tuple(
        face
        for face, part in boxes
        if part and box[0] <= part[0] and box[1] <= part[1] and part[2] <= box[2] and part[3] <= box[3]
    )


def faces_treated(
    treatment: Treatment,
    faces: Sequence[Face],
    source: np.ndarray,
    dtype: np.dtype,
    on_part: Callable[[float], object] = lambda done: None,
) -> np.ndarray:
    """[H, W, 3] of 8 or 16 bits -> the same of the type asked for, with its faces restored, each for itself.

    `on_part` is told which share is done after each face, and may raise. NUMERIC, OUT_OF_MEMORY.
    """
    restorer = treatment.restorer
    assert isinstance(restorer, FaceRestorer)
    result = _copied(source, dtype)
    for number, face in enumerate(faces, 1):
        shown = cut_out(source, face, restorer.side)
        if shown is not None:
            made = restorer(shown, noise=treatment.noise, quality=treatment.quality, **treatment.options)
            lay_back(result, source, face, made - shown, treatment.blend)
        on_part(number / len(faces))
    return result


def _copied(source: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Into room of its own, since a picture may be larger than the memory."""
    change = eight_bits if dtype == np.uint8 else sixteen_bits
    result = canvas(source.shape, dtype)
    for top in range(0, source.shape[0], BAND):
        rows = source[top : top + BAND]
        result[top : top + BAND] = rows if rows.dtype == dtype else change(rows)
    return result
