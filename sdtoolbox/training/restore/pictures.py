"""Strips of pictures for the cards: the photograph, what was made of it, and what came out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from sdtoolbox.training.restore.classical import Floats, bytes_of

SHOWN = 112  # side of what is cut out
ENLARGED = 2
_LINE = 16
_CUTS = {"astronaut": (95, 125), "chelsea": (20, 40), "coffee": (110, 100), "stereo_motorcycle": (80, 60)}
"""Left and top of what is shown of a photograph."""

SHOWING = tuple(_CUTS)


def strip(name: str, columns: Sequence[tuple[str, Floats]]) -> Image.Image:
    """One row: the same part of each picture (h, w, 3), in 0 to 1, enlarged without smoothing, named below."""
    left, top = _CUTS[name]
    side = SHOWN * ENLARGED
    paper = Image.new("RGB", (len(columns) * (side + 4) - 4, side + _LINE), "white")
    pen = ImageDraw.Draw(paper)
    for number, (title, picture) in enumerate(columns):
        part = Image.fromarray(bytes_of(picture[top : top + SHOWN, left : left + SHOWN]))
        paper.paste(part.resize((side, side), Image.Resampling.NEAREST), (number * (side + 4), 0))
        pen.text((number * (side + 4) + 2, side + 1), title, "black", font_size=12)
    return paper


def sheet(strips: Sequence[Image.Image]) -> Image.Image:
    """Strips of the same width below one another."""
    return Image.fromarray(np.concatenate([np.asarray(one) for one in strips]))
