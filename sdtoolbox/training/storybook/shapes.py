"""Outlines of plain figures as lists of points, the alphabet in which everything is drawn."""

from __future__ import annotations

import math
from typing import NamedTuple

Point = tuple[float, float]
Points = list[Point]


class Shape(NamedTuple):
    """A filled figure: the name of its tone (a key of `palette.tones`) and its outline."""

    tone: str
    points: Points


_CORNERS = 24
_CIRCLE = [(math.cos(2 * math.pi * i / _CORNERS), math.sin(2 * math.pi * i / _CORNERS)) for i in range(_CORNERS)]


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """An ellipse with 24 corners around (x, y)."""
    return [(x + rx * c, y + ry * s) for c, s in _CIRCLE]


def dot(x: float, y: float, radius: float) -> Points:
    """A small disc with 8 corners: enough for what is a few pixels wide."""
    return [(x + radius * c, y + radius * s) for c, s in _CIRCLE[::3]]


def arch(x: float, y: float, rx: float, ry: float) -> Points:
    """The upper half (towards greater y) of an ellipse around (x, y)."""
    return [(x + rx * c, y + ry * s) for c, s in _CIRCLE[: _CORNERS // 2 + 1]]


def rect(left: float, bottom: float, right: float, top: float) -> Points:
    """An upright rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def doorway(x: float, bottom: float, width: float, height: float) -> Points:
    """A door or window with a round top, centred at x."""
    half = width / 2
    return [(x - half, bottom), (x + half, bottom), *arch(x, bottom + height - half, half, half)]


def ribbon(spine: Points, width: float) -> Points:
    """A band of constant width along the points of `spine`."""
    left: Points = []
    right: Points = []
    for i, (x, y) in enumerate(spine):
        ax, ay = spine[max(i - 1, 0)]
        bx, by = spine[min(i + 1, len(spine) - 1)]
        length = math.hypot(bx - ax, by - ay)
        nx, ny = -(by - ay) / length * width / 2, (bx - ax) / length * width / 2
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return left + right[::-1]


def turn(points: Points, degrees: float, x: float, y: float) -> Points:
    """The points turned counter-clockwise (y up) around (x, y)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + (px - x) * c - (py - y) * s, y + (px - x) * s + (py - y) * c) for px, py in points]
