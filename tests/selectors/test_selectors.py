"""What was pointed at is found, again and again the same; a question that makes no sense is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.selectors.flood import flood
from sdtoolbox.selectors.grab_cut import grab_cut
from sdtoolbox.selectors.selecting import select
from tests.fakes import builtin_registries

SIZE = (160, 120)
BALL = (40, 30, 100, 90)


def scene() -> np.ndarray:
    """A red ball, shaded, before a green ground with grain; a smaller ball beside it."""
    image = Image.new("RGB", SIZE, (60, 140, 60))
    draw = ImageDraw.Draw(image)
    for i in range(30):
        draw.ellipse((40 + i, 30 + i, 100 - i, 90 - i), fill=(170 + i, 30 + i // 2, 30))
    draw.ellipse((125, 60, 145, 80), fill=(190, 40, 30))
    grain = np.random.default_rng(0).integers(-6, 7, (*SIZE[::-1], 3))
    return (np.asarray(image).astype(int) + grain).clip(0, 255).astype(np.uint8)


def ball() -> np.ndarray:
    image = Image.new("1", SIZE)
    ImageDraw.Draw(image).ellipse(BALL, fill=1)
    return np.asarray(image)


def overlap(mask: np.ndarray, thing: np.ndarray) -> float:
    """What both have in common, of what either has."""
    return float(((mask > 0.5) & thing).sum() / ((mask > 0.5) | thing).sum())


@pytest.mark.parametrize(
    ("function", "points", "box"),
    [(flood, [(70, 60)], None), (grab_cut, [(70, 60)], None), (grab_cut, [], (34, 24, 106, 96))],
    ids=["flood", "grab cut at a point", "grab cut in a box"],
)
def test_the_thing_is_found(function: Any, points: list[tuple[int, int]], box: Any) -> None:
    options = {"tolerance": 60} if function is flood else {}
    mask = function(scene(), points, box, **options)
    assert mask.dtype == np.float32 and mask.shape == SIZE[::-1]
    assert overlap(mask, ball()) > 0.95
    assert np.array_equal(mask, function(scene(), points, box, **options))


def test_colour_reaches_as_far_as_it_is_let() -> None:
    pixels = scene()
    one = flood(pixels, [(70, 60)], None, tolerance=60)
    everywhere = flood(pixels, [(70, 60)], None, tolerance=60, connected=False)
    assert one[70, 135] == 0 and everywhere[70, 135] == 1
    assert flood(pixels, [(70, 60), (135, 70)], None, tolerance=60)[70, 135] == 1
    assert (flood(pixels, [(70, 60)], None, tolerance=255) == 1).all()
    assert not flood(pixels, [(70, 60)], (60, 50, 80, 70), tolerance=60)[:50].any()


def test_excluded_points_are_background() -> None:
    pixels = scene()
    both = grab_cut(pixels, [], (30, 20, 155, 100))
    without = grab_cut(pixels, [], (30, 20, 155, 100), excluded=[(135, 70)])
    assert both[60, 70] == without[60, 70] == both[70, 135] == 1
    assert without[70, 135] == 0


def test_a_large_picture_gets_a_mask_of_its_size() -> None:
    large = np.asarray(Image.fromarray(scene()).resize((1600, 1200)))
    mask = grab_cut(large, [(700, 600)], None)
    assert overlap(mask, ball().repeat(10, 0).repeat(10, 1)) > 0.95


@pytest.mark.parametrize("function", [flood, grab_cut])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 7)])
def test_tiny_and_plain_pictures_give_some_mask(function: Any, size: tuple[int, int]) -> None:
    plain = np.full((*size, 3), 100, np.uint8)
    for points, box in (([(0, 0)], None), ([], (0, 0, size[1], size[0]))):
        mask = function(plain, points, box)
        assert mask.shape == size and np.isin(mask, (0, 1)).all()


@pytest.mark.parametrize(
    ("question", "said", "field"),
    [
        ({}, "nothing was pointed at", "points"),
        ({"points": [(160, 3)]}, "160, 3 is outside the picture of 160x120", "points"),
        ({"points": [(3, 3)], "excluded": [(0, -1)]}, "0, -1 is outside", "excluded"),
        ({"box": (5, 5, 5, 9)}, "the box 5, 5, 5, 9 is not inside", "box"),
        ({"box": (5, 5, 161, 9)}, "not inside the picture", "box"),
        ({"points": [(3, 3)], "options": {"tolerance": 256}}, "tolerance cannot be 256", "options"),
        ({"points": [(3, 3)], "options": {"points": 2}}, "has no option 'points'", "options"),
    ],
)
def test_what_makes_no_sense_is_refused(question: dict[str, Any], said: str, field: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        select(builtin_registries().selectors.get("Colour"), scene(), **question)
    assert (caught.value.code, caught.value.field) == ("PARAM_INVALID", field)


def bad(pixels: np.ndarray, points: Any, box: Any, *, kind: str = "shape") -> Any:
    """Gives what is no mask."""
    return {"shape": np.ones((3, 3)), "nan": np.full(pixels.shape[:2], np.nan), "none": None}.get(kind, pixels[..., 0])


def test_what_comes_back_is_a_mask_or_an_error() -> None:
    ext, registries = Extension("mine"), Registries()
    ext.selector(bad)
    registries.merge(ext.draft)
    entry = registries.selectors.get("bad")
    for kind in ("shape", "nan", "none"):
        with pytest.raises(UserError, match="gave no mask") as caught:
            select(entry, scene(), [(1, 1)], options={"kind": kind})
        assert caught.value.code == "EXTENSION_FAILED"
    found = select(entry, scene(), [(1, 1)], options={"kind": "bytes"})
    assert found.dtype == np.float32 and found.max() == 1


def test_one_that_cannot_be_asked_is_not_registered() -> None:
    ext = Extension("mine")
    with pytest.raises(TypeError, match="selector <lambda> does not take points, box"):
        ext.selector(lambda pixels: pixels)
