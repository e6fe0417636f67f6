"""The picture of a plot: cells in columns, rows and layers, with their values beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

Place = tuple[int, int, int]
MOST_PIXELS = 48_000_000
"""Larger grids are made of smaller pictures."""
PAPER, INK, EMPTY = (255, 255, 255), (24, 24, 27), (228, 228, 231)
LONGEST = 400  # characters of a legend


@dataclass(frozen=True, slots=True)
class Grid:
    """What a grid shows: how its columns, rows and layers are called, and the space between its pictures."""

    legends: tuple[Sequence[str], Sequence[str], Sequence[str]]
    margin: int = 0
    legend: bool = True

    def draw(self, sizes: Mapping[Place, tuple[int, int]], cell: Callable[[Place], Image.Image]) -> Image.Image:
        """The grid, RGB. `sizes` has the width and height of each picture that there is; `cell` opens one.

        Pictures keep their proportions within the largest cell; one that is not there leaves its place grey. Pictures
        are opened one after another.
        """
        width, height = (max(size[i] for size in sizes.values()) for i in (0, 1))
        scale = self._scale(width, height)
        layout = _Layout(self, max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = Image.new("RGB", layout.size, PAPER)
        layout.write(ImageDraw.Draw(canvas))
        for place in layout.places():
            box = layout.box(place)
            if place not in sizes:
                canvas.paste(EMPTY, box)
                continue
            picture = cell(place).convert("RGB")
            picture.thumbnail((box[2] - box[0], box[3] - box[1]), Image.Resampling.LANCZOS)
            canvas.paste(
                picture, (box[0] + (layout.width - picture.width) // 2, box[1] + (layout.height - picture.height) // 2)
            )
        return canvas

    def _scale(self, width: int, height: int) -> float:
        pixels = width * height * math.prod(map(len, self.legends))
        return min(1.0, math.sqrt(MOST_PIXELS / pixels))


class _Layout:
    """Where everything of a grid lies, in pixels."""

    def __init__(self, grid: Grid, width: int, height: int) -> None:
        self.grid, self.width, self.height = grid, width, height
        size = max(11, min(40, width // 14))
        self.font = ImageFont.load_default(size=size)
        columns, rows, layers = ([_wrapped(text, self.font, room) for text in texts] for texts, room in self._rooms())
        self.columns, self.rows, self.layers = columns, rows, layers
        self.line = math.ceil(size * 1.3)
        self.top = self._height(columns) if grid.legend else 0
        self.left = self._width(rows) if grid.legend else 0
        self.title = self._height(layers) if grid.legend else 0
        self.step_x, self.step_y = width + grid.margin, height + grid.margin
        self.layer = self.title + self.top + len(rows) * self.step_y
        self.size = (self.left + len(columns) * self.step_x - grid.margin, self.layer * len(layers) - grid.margin)

    def _rooms(self) -> list[tuple[Sequence[str], int]]:
        x, y, z = self.grid.legends
        return [(x, self.width - 8), (y, max(96, self.width * 2 // 3)), (z, max(160, len(x) * self.width - 8))]

    def _height(self, texts: Sequence[Sequence[str]]) -> int:
        lines = max(map(len, texts))
        return lines * self.line + self.line // 2 if lines else 0

    def _width(self, texts: Sequence[Sequence[str]]) -> int:
        widths = [self.font.getlength(line) for text in texts for line in text]
        return math.ceil(max(widths)) + self.line if widths else 0

    def places(self) -> list[Place]:
        """All places, whether there is a picture or not."""
        x, y, z = (range(len(texts)) for texts in (self.columns, self.rows, self.layers))
        return [(i, j, k) for k in z for j in y for i in x]

    def box(self, place: Place) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a place."""
        x, y, z = place
        left = self.left + x * self.step_x
        top = z * self.layer + self.title + self.top + y * self.step_y
        return left, top, left + self.width, top + self.height

    def write(self, draw: ImageDraw.ImageDraw) -> None:
        """Put the legends onto the paper."""
        if not self.grid.legend:
            return
        for z, title in enumerate(self.layers):
            top = z * self.layer
            self._text(draw, title, self.left + len(self.columns) * self.step_x // 2, top + self.title // 2)
            for x, text in enumerate(self.columns):
                box = self.box((x, 0, z))
                self._text(draw, text, (box[0] + box[2]) // 2, top + self.title + self.top // 2)
            for y, text in enumerate(self.rows):
                box = self.box((0, y, z))
                self._text(draw, text, self.left // 2, (box[1] + box[3]) // 2)

    def _text(self, draw: ImageDraw.ImageDraw, lines: Sequence[str], x: int, y: int) -> None:
        for i, line in enumerate(lines):
            draw.text((x, y + (i - (len(lines) - 1) / 2) * self.line), line, INK, self.font, anchor="mm")


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> list[str]:
    """The text in lines of at most `room` pixels, broken between words where that is possible."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}".strip()
            if font.getlength(joined) <= room:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _broken(word, font, room)
            lines += full
        if line:
            lines.append(line)
    return lines


def _broken(word: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces
