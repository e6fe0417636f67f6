import itertools
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sdtoolbox.training.storybook.objects import DRAWERS
from sdtoolbox.training.storybook.palette import GROUNDS_BY_TIME, PAINTS
from sdtoolbox.training.storybook.world import (
    COLORS,
    GROUNDS,
    KINDS,
    PLACES,
    SIZES,
    STYLES,
    TIMES,
    WEATHERS,
    Item,
    Scene,
    draw,
    sample_scene,
)

Pixels = NDArray[np.float64]


def pixels(scene: Scene, seed: int = 0, size: int = 128) -> Pixels:
    return np.asarray(draw(scene, seed, size), dtype=np.float64)


def hsv(scene: Scene, seed: int) -> Pixels:
    return np.asarray(draw(scene, seed).convert("HSV"), dtype=np.float64) / 255


def lab(rgb: Pixels) -> Pixels:
    """CIE L*a*b* (D65) of sRGB values from 0 to 255, last axis 3."""
    part = rgb / 255
    linear = np.where(part > 0.04045, ((part + 0.055) / 1.055) ** 2.4, part / 12.92)
    to_xyz = np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    x, y, z = np.moveaxis(np.cbrt(linear @ to_xyz / np.array([0.9505, 1.0, 1.089])), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def painted(scene: Scene, seed: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """The scene with its only item in all eight colours (8, 128, 128, 3), and where those differ much."""
    item = scene.items[0]
    stack = np.stack([pixels(replace(scene, items=(replace(item, color=c),)), seed) for c in COLORS])
    return stack, (stack.max(axis=0) - stack.min(axis=0)).max(axis=-1) > 110


CAT = Scene((Item("cat", "red", "big", "middle"),), "meadow", "day")


@pytest.mark.parametrize("style", STYLES)
def test_a_scene_and_a_seed_make_one_picture(style: str) -> None:
    scene = replace(CAT, style=style, weather="rain", mountains=True)
    assert np.array_equal(pixels(scene, 3), pixels(scene, 3))
    assert not np.array_equal(pixels(scene, 3), pixels(scene, 4))


@pytest.mark.parametrize(("style", "size"), list(itertools.product(STYLES, (64, 100, 128))))
def test_pictures_are_rgb_of_the_size_asked_for(style: str, size: int) -> None:
    picture = draw(replace(CAT, style=style), 0, size)
    assert picture.mode == "RGB"
    assert picture.size == (size, size)


def test_each_label_has_its_drawing() -> None:
    assert tuple(DRAWERS) == KINDS
    assert tuple(PAINTS) == COLORS
    assert set(GROUNDS_BY_TIME) == set(itertools.product(GROUNDS, TIMES))


@pytest.mark.parametrize(
    "changed",
    [
        *(replace(CAT, time=time) for time in TIMES[1:]),
        *(replace(CAT, weather=weather) for weather in WEATHERS[1:]),
        *(replace(CAT, ground=ground) for ground in GROUNDS[1:]),
        *(replace(CAT, style=style) for style in STYLES[1:]),
        *(replace(CAT, items=(replace(CAT.items[0], kind=kind),)) for kind in KINDS if kind != "cat"),
        *(replace(CAT, items=(replace(CAT.items[0], place=place),)) for place in PLACES if place != "middle"),
        replace(CAT, items=(replace(CAT.items[0], size="small"),)),
        replace(CAT, mountains=True),
    ],
)
def test_each_value_changes_the_picture(changed: Scene) -> None:
    assert np.abs(pixels(changed) - pixels(CAT)).mean() > 1.5


@pytest.mark.parametrize(("style", "weather"), list(itertools.product(STYLES, WEATHERS)))
def test_day_skies_and_meadows_are_saturated(style: str, weather: str) -> None:
    least = 0.4 if style == "pencil sketch" else 0.45  # paper shines through the pencil
    scene = replace(CAT, style=style, weather=weather, items=(Item("cat", "red", "small", "left"),))
    for seed in range(3):
        saturation = hsv(scene, seed)[..., 1]
        assert np.median(saturation[10:60, 10:-10]) >= least
        assert np.median(saturation[108:118, 64:-10]) >= least


@pytest.mark.parametrize(("style", "time"), list(itertools.product(STYLES, TIMES)))
def test_each_colour_is_nearest_to_its_own_paint_and_readable(style: str, time: str) -> None:
    paints = lab(np.array([PAINTS[color] for color in COLORS], dtype=np.float64))
    for seed, (kind, size) in enumerate(itertools.product(KINDS[::2], SIZES)):
        ground = GROUNDS[seed % 4]
        scene = Scene((Item(kind, "red", size, PLACES[seed % 3]),), ground, time, style=style)
        stack, mask = painted(scene, seed)
        for color, picture in zip(COLORS, stack, strict=True):
            seen = np.median(picture[mask], axis=0)
            assert COLORS[int(np.argmin(((lab(seen) - paints) ** 2).sum(axis=-1)))] == color, (kind, color)
            assert seen.max() / 255 >= 0.4


@pytest.mark.parametrize("style", STYLES)
def test_items_stand_in_their_place_and_big_ones_are_bigger(style: str) -> None:
    for seed, kind in enumerate(KINDS):
        areas = []
        for place, size in (("left", "small"), ("middle", "small"), ("right", "small"), ("right", "big")):
            _, mask = painted(Scene((Item(kind, "red", size, place),), "snow", "day", style=style), seed)
            centre = np.median(np.nonzero(mask)[1]) / 128
            assert PLACES[0 if centre < 0.38 else 1 if centre < 0.62 else 2] == place, (kind, size)
            areas.append(mask.sum())
        assert areas[3] > 1.8 * areas[2]


@pytest.mark.parametrize(
    ("color", "ground"), [("white", "snow"), ("green", "meadow"), ("blue", "sea"), ("orange", "desert")]
)
def test_items_do_not_vanish_on_a_ground_of_their_colour(color: str, ground: str) -> None:
    for time, style in itertools.product(TIMES, STYLES):
        scene = Scene((Item("house", color, "big", "middle"),), ground, time, style=style)
        picture = lab(pixels(scene, 1))
        wall = np.median(picture[84:96, 48:80], axis=(0, 1))
        distance = np.sqrt(((picture[84:96] - wall) ** 2).sum(axis=-1))  # (12, 128): across the walls' edges
        assert np.median(distance[:, 24:46].max(axis=1)) > 14  # CIELAB; 2 is just noticeable
        assert np.median(distance[:, 82:104].max(axis=1)) > 14  # CIELAB; 2 is just noticeable


def test_sampled_scenes_follow_the_stated_shares() -> None:
    rng = random.Random(0)
    scenes = [sample_scene(rng) for _ in range(4000)]
    assert sum(len(scene.items) == 1 for scene in scenes) / 4000 == pytest.approx(0.6, abs=0.03)
    assert sum(scene.style == "flat" for scene in scenes) / 4000 == pytest.approx(0.55, abs=0.03)
    assert sum(scene.weather == "clear" for scene in scenes) / 4000 == pytest.approx(0.45, abs=0.03)
    assert sum(scene.mountains for scene in scenes) / 4000 == pytest.approx(0.35, abs=0.03)
    items = [item for scene in scenes for item in scene.items]
    kinds, colors = Counter(item.kind for item in items), Counter(item.color for item in items)
    for values, chosen in ((KINDS, kinds), (COLORS, colors)):
        assert set(chosen) == set(values)
        assert max(chosen.values()) < 1.3 * min(chosen.values())
    assert all(len({item.place for item in scene.items}) == len(scene.items) for scene in scenes)
    assert {sample_scene(rng, style="pixel art").style for _ in range(20)} == {"pixel art"}
