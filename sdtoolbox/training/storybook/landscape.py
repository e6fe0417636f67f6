"""Sky, weather, mountains and grounds of a storybook picture, from back to front."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from sdtoolbox.training.storybook.canvas import Canvas
from sdtoolbox.training.storybook.palette import GROUNDS_BY_TIME, OVERCAST, RGB, SKIES, mix
from sdtoolbox.training.storybook.shapes import Points, dot, ellipse

_OVERCAST_SHARE = {"clear": 0.0, "clouds": 0.15, "rain": 0.8, "snowfall": 0.55}
_COLUMNS = (0.2, 0.5, 0.8)


def sky_colors(time: str, weather: str) -> tuple[RGB, RGB, RGB]:
    """The sky's gradient from the top to the horizon."""
    sky, share = SKIES[time], _OVERCAST_SHARE[weather]
    return tuple(mix(color, OVERCAST[time], share) for color in (sky.top, sky.middle, sky.horizon))  # type: ignore[return-value]


def draw_sky(canvas: Canvas, rng: random.Random, time: str, weather: str, taken: Sequence[float]) -> None:
    """Sun or moon in a column of the sky that none of the items (at x = `taken`) hides, stars, clouds."""
    sky = SKIES[time]
    if time == "night":
        _stars(canvas, rng, 12 if weather == "clear" else 6)
    free = [x for x in _COLUMNS if all(abs(x - t) > 0.2 for t in taken)] or list(_COLUMNS)
    x = rng.choice(free) + rng.uniform(-0.04, 0.04)
    y = (0.5 if time == "sunset" else 0.17) + rng.uniform(-0.03, 0.03)
    radius = {"day": 0.095, "sunset": 0.15, "night": 0.085}[time] * rng.uniform(0.92, 1.08)
    halo = mix(sky.halo, OVERCAST[time], _OVERCAST_SHARE[weather] * 0.7)
    canvas.fill(ellipse(x, y, radius * 1.5, radius * 1.5), halo, line=0)
    canvas.fill(ellipse(x, y, radius, radius), sky.disc)
    if time == "night":
        hollow = mix(sky.disc, (190, 176, 150), 0.35)
        for dx, dy, r in ((-0.3, 0.2, 0.24), (0.35, -0.3, 0.2), (0.25, 0.42, 0.16)):
            canvas.fill(dot(x + dx * radius, y + dy * radius, r * radius), hollow, line=0)
    if weather != "clear":
        _clouds(canvas, rng, time, weather)


def _stars(canvas: Canvas, rng: random.Random, count: int) -> None:
    for i in range(count):
        x, y = (i + rng.random()) / count, rng.uniform(0.04, 0.46)
        r = rng.uniform(0.012, 0.02)
        tips = dot(x, y, r)
        tips[1::2] = dot(x, y, r * 0.6)[1::2]  # four points
        canvas.fill(tips, (255, 244, 196), line=0)


def _clouds(canvas: Canvas, rng: random.Random, time: str, weather: str) -> None:
    sky = SKIES[time]
    gloom = 0.4 if weather == "rain" else 0.0
    white, shade = mix(sky.cloud, OVERCAST[time], gloom), mix(sky.cloud_shade, OVERCAST[time], gloom)
    for column in (0.14, 0.5, 0.86):
        x, y = column + rng.uniform(-0.08, 0.08), rng.uniform(0.09, 0.26)
        s = rng.uniform(0.85, 1.15)
        canvas.fill(ellipse(x, y + 0.03 * s, 0.16 * s, 0.045 * s), shade)
        canvas.fill(ellipse(x - 0.06 * s, y, 0.075 * s, 0.055 * s), white, line=0)
        canvas.fill(ellipse(x + 0.03 * s, y - 0.025 * s, 0.085 * s, 0.07 * s), white, line=0)
        canvas.fill(ellipse(x + 0.02 * s, y + 0.02 * s, 0.14 * s, 0.035 * s), white, line=0)


def draw_mountains(canvas: Canvas, rng: random.Random, time: str, horizon: float) -> None:
    """Three peaks with white caps behind the ground."""
    sky = SKIES[time]
    for i, (column, height, half) in enumerate(((0.22, 0.3, 0.34), (0.8, 0.33, 0.36), (0.5, 0.22, 0.3))):
        x, top = column + rng.uniform(-0.07, 0.07), horizon - height * rng.uniform(0.88, 1.08)
        foot = horizon + 0.12
        peak = sky.peaks[i // 2]
        canvas.fill([(x - half, foot), (x, top), (x + half, foot)], peak)
        slope = half / (foot - top)
        drop = 0.085
        reach = slope * drop
        cap = [(x, top), (x + reach, top + drop), (x + reach * 0.4, top + drop * 0.72), (x, top + drop * 1.1),
               (x - reach * 0.45, top + drop * 0.75), (x - reach, top + drop)]  # fmt: skip
        canvas.fill(cap, sky.snowcap)


def _hill(rng: random.Random, level: float, swing: float, waves: float) -> Points:
    phase = rng.uniform(0, 2 * math.pi)
    ridge = [(i / 20, level + swing * math.sin(phase + 2 * math.pi * waves * i / 20)) for i in range(21)]
    return [(-0.05, 1.05), (-0.05, ridge[0][1]), *ridge, (1.05, ridge[-1][1]), (1.05, 1.05)]


def draw_ground(canvas: Canvas, rng: random.Random, ground: str, time: str, horizon: float) -> None:
    """Three layers of ground below `horizon` (a row in picture units), with its own small decoration."""
    paint = GROUNDS_BY_TIME[ground, time]
    levels = (horizon, horizon + 0.1, horizon + 0.22)
    if ground == "sea":
        canvas.fill([(-0.05, horizon), (1.05, horizon), (1.05, 1.05), (-0.05, 1.05)], paint.far)
        for level, color in zip(levels[1:], (paint.middle, paint.near), strict=True):
            canvas.fill(_hill(rng, level, 0.009, 3.5), color, line=0)
        _waves(canvas, rng, paint.accent, horizon)
        return
    swing = {"meadow": 0.028, "desert": 0.035, "snow": 0.022}[ground]
    for i, (level, color) in enumerate(zip(levels, (paint.far, paint.middle, paint.near), strict=True)):
        canvas.fill(_hill(rng, level, swing, rng.uniform(0.7, 1.1)), color)
        if i == 0 and ground == "desert":
            _cactus(canvas, rng.choice((0.06, 0.37, 0.64, 0.94)), level, time)
        if i == 0 and ground == "snow":
            _firs(canvas, rng, level, time)
    if ground == "meadow":
        _blossoms(canvas, rng, paint.accent, paint.detail, horizon)
    else:
        _drifts(canvas, rng, paint.detail, horizon)


def _waves(canvas: Canvas, rng: random.Random, color: RGB, horizon: float) -> None:
    for i in range(7):
        x, y = (i + rng.random()) / 7, rng.uniform(horizon + 0.05, 0.97)
        canvas.fill(
            [(x - 0.06, y + 0.01), (x - 0.03, y - 0.008), (x, y + 0.004), (x + 0.03, y - 0.008),
             (x + 0.06, y + 0.01), (x + 0.03, y + 0.008), (x, y + 0.018), (x - 0.03, y + 0.008)],
            color, line=0,
        )  # fmt: skip


def _cactus(canvas: Canvas, x: float, y: float, time: str) -> None:
    color = {"day": (92, 148, 84), "sunset": (122, 92, 80), "night": (56, 78, 88)}[time]
    foot = y + 0.05
    canvas.fill([(x - 0.014, foot), (x - 0.014, foot - 0.13), (x + 0.014, foot - 0.13), (x + 0.014, foot)], color)
    canvas.fill([(x, foot - 0.04), (x + 0.045, foot - 0.04), (x + 0.045, foot - 0.1), (x + 0.025, foot - 0.1),
                 (x + 0.025, foot - 0.06), (x, foot - 0.06)], color, line=0)  # fmt: skip
    canvas.fill([(x, foot - 0.055), (x - 0.045, foot - 0.055), (x - 0.045, foot - 0.11),
                 (x - 0.025, foot - 0.11), (x - 0.025, foot - 0.075), (x, foot - 0.075)],
                color, line=0)  # fmt: skip


def _firs(canvas: Canvas, rng: random.Random, y: float, time: str) -> None:
    color = {"day": (96, 148, 160), "sunset": (142, 104, 140), "night": (62, 84, 138)}[time]
    for _ in range(3):
        x, tall = rng.random(), rng.uniform(0.08, 0.12)
        foot = y + 0.05
        canvas.fill([(x - tall * 0.35, foot), (x, foot - tall), (x + tall * 0.35, foot)], color)


def _blossoms(canvas: Canvas, rng: random.Random, petal: RGB, blade: RGB, horizon: float) -> None:
    for i in range(8):
        x, y = (i + rng.random()) / 8, rng.uniform(horizon + 0.12, 0.97)
        if i % 2:
            canvas.fill(dot(x, y, 0.014), petal, line=0)
        else:
            tuft = [(x - 0.03, y), (x - 0.024, y - 0.036), (x - 0.006, y - 0.014), (x, y - 0.05),
                    (x + 0.008, y - 0.014), (x + 0.026, y - 0.036), (x + 0.03, y)]  # fmt: skip
            canvas.fill(tuft, blade, line=0)


def _drifts(canvas: Canvas, rng: random.Random, shade: RGB, horizon: float) -> None:
    for i in range(4):
        x, y = (i + rng.random()) / 4, rng.uniform(horizon + 0.14, 0.97)
        half = rng.uniform(0.06, 0.11)
        canvas.fill([(x - half, y), (x - half * 0.3, y - 0.014), (x + half, y), (x, y + 0.012)], shade, line=0)


def draw_falling(canvas: Canvas, rng: random.Random, time: str, weather: str) -> None:
    """Rain or snow in front of everything; other weather draws nothing."""
    sky = SKIES[time]
    if weather == "rain":
        for i in range(22):
            x, y = (i + rng.random()) / 22, rng.random()
            canvas.fill([(x, y), (x + 0.016, y), (x - 0.012, y + 0.075), (x - 0.024, y + 0.075)], sky.drop, line=0)
    elif weather == "snowfall":
        for i in range(26):
            canvas.fill(dot((i + rng.random()) / 26, rng.random(), rng.uniform(0.011, 0.019)), sky.flake, line=0.004)
