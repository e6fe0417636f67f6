"""The grid has every cell at its place, and its legends where they belong."""

from __future__ import annotations

import pytest
from PIL import Image

from sdtoolbox.images import grid as module
from sdtoolbox.images.grid import Grid, Place

COLOURS = {(x, y, z): (40 * x + 20, 60 * y + 20, 90 * z + 20) for x in range(3) for y in range(2) for z in range(2)}
BARE = Grid((("1", "2", "3"), ("a", "b"), ("k", "l")), legend=False)


def cell(place: Place, size: tuple[int, int] = (32, 24)) -> Image.Image:
    return Image.new("RGB", size, COLOURS[place])


def sizes(size: tuple[int, int] = (32, 24)) -> dict[Place, tuple[int, int]]:
    return dict.fromkeys(COLOURS, size)


def test_cells_lie_in_columns_rows_and_layers() -> None:
    drawn = BARE.draw(sizes(), cell)
    assert drawn.size == (3 * 32, 4 * 24)
    for (x, y, z), colour in COLOURS.items():
        assert drawn.getpixel((32 * x + 16, 24 * (2 * z + y) + 12)) == colour


def test_margins_separate_cells() -> None:
    drawn = Grid(BARE.legends, margin=8, legend=False).draw(sizes(), cell)
    assert drawn.size == (3 * 32 + 2 * 8, 4 * 24 + 3 * 8)
    assert drawn.getpixel((35, 12)) == module.PAPER


def test_legends_stand_outside_the_pictures_and_long_ones_are_wrapped() -> None:
    legends = (("Steps: 2", "word " * 60, "x" * 300), ("", "b"), ("", ""))
    drawn = Grid(legends).draw(sizes((64, 64)), lambda place: cell(place, (64, 64)))
    bare = Grid(legends, legend=False).draw(sizes((64, 64)), lambda place: cell(place, (64, 64)))
    assert drawn.width > bare.width
    assert drawn.height > bare.height
    inside = sum(
        drawn.getcolors(1 << 24)[i][0]
        for i, (_, colour) in enumerate(drawn.getcolors(1 << 24))
        if colour in COLOURS.values()
    )  # type: ignore[index,arg-type]
    assert inside == 12 * 64 * 64


def test_a_place_without_a_picture_is_grey_and_others_keep_their_proportions() -> None:
    some = {(0, 0, 0): (32, 24), (1, 0, 0): (16, 24)}
    drawn = BARE.draw(some, lambda place: cell(place, some[place]))
    assert drawn.getpixel((80, 12)) == module.EMPTY
    assert drawn.getpixel((48, 12)) == COLOURS[1, 0, 0]
    assert drawn.getpixel((33, 12)) == module.PAPER


def test_huge_grids_are_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 12 * 32 * 24)
    drawn = BARE.draw(sizes((320, 240)), lambda place: cell(place, (320, 240)))
    assert drawn.size == (3 * 32, 4 * 24)
