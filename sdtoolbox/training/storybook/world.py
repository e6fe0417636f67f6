"""The storybook world: what a scene is, how one is chosen, and how it is drawn.

The tuples of this module are also the label order of the classifier that judges pictures of this
world, so they are frozen: their values and their order never change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from sdtoolbox.training.storybook.canvas import Canvas
from sdtoolbox.training.storybook.landscape import (
    draw_falling,
    draw_ground,
    draw_mountains,
    draw_sky,
    sky_colors,
)
from sdtoolbox.training.storybook.objects import DRAWERS
from sdtoolbox.training.storybook.palette import GROUNDS_BY_TIME, mix, tones
from sdtoolbox.training.storybook.shapes import ellipse
from sdtoolbox.training.storybook.styles import finish, sheet_pixels

TIMES = ("day", "sunset", "night")
WEATHERS = ("clear", "clouds", "rain", "snowfall")
GROUNDS = ("meadow", "desert", "snow", "sea")
STYLES = ("flat", "watercolour", "pixel art", "pencil sketch")
KINDS = (
    "house",
    "tree",
    "castle",
    "boat",
    "balloon",
    "mushroom",
    "windmill",
    "cat",
    "fish",
    "car",
    "flower",
    "rocket",
    "umbrella",
)
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "big")
PLACES = ("left", "middle", "right")

_STYLE_WEIGHTS = (55, 15, 15, 15)
_WEATHER_WEIGHTS = (45, 20, 18, 17)
_HEIGHT = {"small": 0.33, "big": 0.56}
_STRETCH = {"car": 1.12, "boat": 0.95, "fish": 0.95, "castle": 1.0, "rocket": 1.05, "balloon": 1.05}
_CENTRE = {"left": 0.23, "middle": 0.5, "right": 0.77}
_AFLOAT = ("boat", "fish")
_LINE = {"flat": 0.022, "watercolour": 0.022, "pixel art": 0.046}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a scene, described by values of KINDS, COLORS, SIZES and PLACES."""

    kind: str
    color: str
    size: str
    place: str


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a picture shows: one or two items in different places, the main one first."""

    items: tuple[Item, ...]
    ground: str
    time: str
    weather: str = "clear"
    style: str = "flat"
    mountains: bool = False


def sample_scene(rng: random.Random, *, style: str | None = None) -> Scene:
    """A random scene: 60 % with one item, 55 % flat (unless `style` is given), 35 % with mountains."""
    places = rng.sample(PLACES, 2 if rng.random() < 0.4 else 1)
    items = [Item(rng.choice(KINDS), rng.choice(COLORS), rng.choice(SIZES), place) for place in places]
    if len(items) == 2 and "middle" in places and items[0].size == items[1].size == "big":
        # Two big neighbours would hide each other.
        items[1] = Item(items[1].kind, items[1].color, "small", items[1].place)
    return Scene(
        items=tuple(items),
        ground=rng.choice(GROUNDS),
        time=rng.choice(TIMES),
        weather=rng.choices(WEATHERS, _WEATHER_WEIGHTS)[0],
        style=style or rng.choices(STYLES, _STYLE_WEIGHTS)[0],
        mountains=rng.random() < 0.35,
    )


def draw(scene: Scene, seed: int, size: int = 128) -> Image.Image:
    """Draws a scene as an RGB picture of `size` x `size` pixels.

    The same scene, seed and size give the same picture. The seed moves and varies everything a little;
    it never changes what the scene states.
    """
    rng = random.Random(seed)
    pencil = scene.style == "pencil sketch"
    paper = (0.07 if scene.time == "night" else 0.13) if pencil else 0.0
    sky = sky_colors(scene.time, scene.weather)
    canvas = Canvas(sheet_pixels(scene.style, size), sky, paper=paper, pencil=pencil)
    horizon = 0.6 + rng.uniform(-0.03, 0.03)
    centres = _centres(scene, rng)
    draw_sky(canvas, rng, scene.time, scene.weather, centres)
    if scene.mountains:
        draw_mountains(canvas, rng, scene.time, horizon)
    draw_ground(canvas, rng, scene.ground, scene.time, horizon)
    pairs = sorted(zip(scene.items, centres, strict=True), key=lambda pair: pair[0].size == "small")
    for item, centre in pairs:  # small ones stand nearer, in front
        _draw_item(canvas, rng, scene, item, centre)
    draw_falling(canvas, rng, scene.time, scene.weather)
    return finish(canvas.image, scene.style, seed, size)


def _centres(scene: Scene, rng: random.Random) -> list[float]:
    """The x of every item; neighbours step apart."""
    crowded = len(scene.items) == 2 and any(item.place == "middle" for item in scene.items)
    away = 0.05 if any(item.place == "left" for item in scene.items) else -0.05
    centres: list[float] = []
    for item in scene.items:
        x = _CENTRE[item.place] + rng.uniform(-0.035, 0.035)
        if crowded:
            x += away if item.place == "middle" else -away * 0.5
        centres.append(x)
    return centres


def _draw_item(canvas: Canvas, rng: random.Random, scene: Scene, item: Item, centre: float) -> None:
    height = _HEIGHT[item.size] * _STRETCH.get(item.kind, 1.0) * rng.uniform(0.95, 1.05)
    if len(scene.items) == 2 and item.size == "big":
        height *= 0.88
    half = height * 0.5
    x = min(max(centre, half - 0.01), 1.01 - half)
    foot = (0.87 if item.size == "big" else 0.84) + rng.uniform(-0.02, 0.02)
    shapes = DRAWERS[item.kind](rng)
    named = tones(item.color, scene.time)
    _draw_footing(canvas, scene, item, x, foot, height)
    if item.kind == "balloon":
        foot -= 0.12 if item.size == "big" else 0.3
    placed = [(tone, [(x + px * height, foot - py * height) for px, py in points]) for tone, points in shapes]
    if scene.style != "pencil sketch":
        for _, points in placed:
            canvas.border(points, named["line"], _LINE[scene.style])
    for tone, points in placed:
        canvas.fill(points, named[tone], pressed=True)


def _draw_footing(canvas: Canvas, scene: Scene, item: Item, x: float, foot: float, height: float) -> None:
    """What the item stands on: an island in the sea, a pond on land for what swims, else its shadow."""
    named = tones(item.color, scene.time)
    ground = GROUNDS_BY_TIME[scene.ground, scene.time]
    wide = height * 0.56
    if item.kind in _AFLOAT:
        canvas.fill(ellipse(x, foot, wide, height * 0.13), ground.accent if scene.ground == "sea" else named["water"])
    elif scene.ground == "sea" and item.kind != "balloon":
        canvas.fill(ellipse(x, foot + height * 0.02, wide * 1.12, height * 0.15), ground.accent, line=0)
        canvas.fill(ellipse(x, foot, wide, height * 0.11), named["sand"])
    else:
        shade = mix(ground.near, (30, 24, 70), 0.3)
        canvas.fill(ellipse(x + height * 0.05, foot, wide * 0.85, height * 0.07), shade, line=0)
