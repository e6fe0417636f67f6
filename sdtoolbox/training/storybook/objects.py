"""The things that stand in a storybook landscape, each as a few bold shapes.

Every function takes a generator for small variations and returns shapes from back to front in the
object's own frame: x from -0.5 to 0.5, y upwards from 0 (the ground) to 1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from sdtoolbox.training.storybook.shapes import Points, Shape, arch, doorway, ellipse, rect, ribbon, turn


def house(rng: random.Random) -> list[Shape]:
    """A cottage with a steep roof and a chimney."""
    wall = 0.48 + rng.uniform(-0.03, 0.03)
    side = rng.choice((-1, 1))
    return [
        Shape("wood", rect(0.26 * side - 0.07, wall, 0.26 * side + 0.07, 0.94)),
        Shape("main", rect(-0.38, 0, 0.38, wall + 0.02)),
        Shape("dark", [(-0.5, wall), (0.5, wall), (0.12, 0.96), (-0.12, 0.96)]),
        Shape("light", [(-0.5, wall), (0.5, wall), (0.47, wall + 0.05), (-0.47, wall + 0.05)]),
        Shape("ink", doorway(-0.16 * side, 0, 0.2, 0.34)),
        Shape("glass", rect(0.18 * side - 0.1, 0.14, 0.18 * side + 0.1, 0.34)),
    ]


def tree(rng: random.Random) -> list[Shape]:
    """A broad-leaved tree with a crown of round lobes."""
    lean = rng.uniform(-0.03, 0.03)
    low = 0.46 + rng.uniform(-0.03, 0.03)
    return [
        Shape("wood", [(-0.1, 0), (0.1, 0), (0.06, 0.5), (-0.06, 0.5)]),
        Shape("dark", ellipse(0.2 + lean, low, 0.24, 0.2)),
        Shape("main", ellipse(-0.2 + lean, low, 0.25, 0.21)),
        Shape("main", ellipse(lean, 0.66, 0.32, 0.32)),
        Shape("main", ellipse(0.1 + lean, low + 0.05, 0.24, 0.2)),
        Shape("light", ellipse(-0.1 + lean, 0.76, 0.13, 0.11)),
    ]


def castle(rng: random.Random) -> list[Shape]:
    """A gate between two pointed towers."""
    rise = rng.uniform(0, 0.06)
    shapes = [
        Shape("dark", rect(-0.14, 0.3, 0.14, 0.7)),
        Shape("dark", [(-0.2, 0.68), (0.2, 0.68), (0, 0.99)]),
        Shape("main", rect(-0.3, 0, 0.3, 0.46)),
    ]
    shapes += [Shape("main", rect(x - 0.06, 0.44, x + 0.06, 0.55)) for x in (-0.18, 0.0, 0.18)]
    for x, lift in ((-0.34, 0.0), (0.34, rise)):
        top = 0.56 + lift
        shapes += [
            Shape("main", rect(x - 0.13, 0, x + 0.13, top)),
            Shape("dark", [(x - 0.17, top), (x + 0.17, top), (x, top + 0.28)]),
            Shape("glass", doorway(x, 0.3, 0.1, 0.18)),
        ]
    return [*shapes, Shape("ink", doorway(0, 0, 0.24, 0.32))]


def boat(rng: random.Random) -> list[Shape]:
    """A sailing boat with two sails."""
    tall = 0.95 + rng.uniform(-0.04, 0.03)
    return [
        Shape("wood", rect(-0.03, 0.2, 0.03, tall)),
        Shape("main", [(-0.07, 0.32), (-0.46, 0.32), (-0.36, 0.42), (-0.07, tall - 0.02)]),
        Shape("light", [(0.07, 0.32), (0.4, 0.32), (0.07, tall - 0.14)]),
        Shape("main", [(-0.5, 0.26), (0.5, 0.26), (0.34, 0.0), (-0.34, 0.0)]),
        Shape("cream", [(-0.48, 0.24), (0.48, 0.24), (0.445, 0.17), (-0.445, 0.17)]),
    ]


def balloon(rng: random.Random) -> list[Shape]:
    """A hot-air balloon with its basket."""
    wide = 0.37 + rng.uniform(-0.02, 0.02)
    bag = [*arch(0, 0.62, wide, 0.37), (-wide * 0.86, 0.46), (-0.12, 0.26), (0.12, 0.26), (wide * 0.86, 0.46)]

    def gore(share: float) -> Points:
        return [(x * share, y) for x, y in bag]

    return [
        Shape("ink", [(-0.12, 0.27), (-0.09, 0.27), (-0.06, 0.12), (-0.09, 0.12)]),
        Shape("ink", [(0.12, 0.27), (0.09, 0.27), (0.06, 0.12), (0.09, 0.12)]),
        Shape("main", bag),
        Shape("light", gore(0.66)),
        Shape("main", gore(0.34)),
        Shape("wood", rect(-0.11, 0.0, 0.11, 0.14)),
    ]


def mushroom(rng: random.Random) -> list[Shape]:
    """A toadstool with a dotted cap."""
    rim = 0.42 + rng.uniform(-0.03, 0.03)
    spots = ((-0.24, 0.16, 0.075), (0.03, 0.34, 0.09), (0.27, 0.13, 0.07), (0.02, 0.1, 0.055))
    stalk = [(-0.19, 0.03), (-0.12, 0), (0.12, 0), (0.19, 0.03), (0.12, rim + 0.02), (-0.12, rim + 0.02)]
    return [
        Shape("cream", stalk),
        Shape("dark", ellipse(0, rim, 0.48, 0.08)),
        Shape("main", arch(0, rim - 0.01, 0.5, 0.55)),
        *(Shape("cream", ellipse(x, rim + y, r, r * 0.9)) for x, y, r in spots),
    ]


def windmill(rng: random.Random) -> list[Shape]:
    """A Dutch mill with four sails."""
    angle = rng.uniform(30, 60)
    hub = 0.62
    shapes = [
        Shape("main", [(-0.33, 0), (0.33, 0), (0.2, 0.66), (-0.2, 0.66)]),
        Shape("dark", [(0.12, 0), (0.33, 0), (0.2, 0.66), (0.12, 0.66)]),
        Shape("dark", arch(0, 0.64, 0.23, 0.18)),
        Shape("ink", doorway(-0.06, 0, 0.17, 0.26)),
    ]
    for quarter in range(4):
        vane = rect(-0.02, hub + 0.1, 0.1, hub + 0.45)
        shapes.append(Shape("cream", turn(vane, angle + 90 * quarter, 0, hub)))
    return [*shapes, Shape("ink", ellipse(0, hub, 0.06, 0.06))]


def cat(rng: random.Random) -> list[Shape]:
    """A sitting cat that looks at the reader."""
    side = rng.choice((-1, 1))
    curl = rng.uniform(-0.03, 0.03)
    tail = [(0.1, 0.06), (0.32, 0.05), (0.43, 0.16), (0.42, 0.32), (0.36, 0.44 + curl)]
    ear = [(-0.3, 0.76), (-0.27, 1.0), (-0.05, 0.88)]
    shapes = [
        Shape("dark", ribbon([(x * side, y) for x, y in tail], 0.12)),
        Shape("main", [*arch(0, 0.16, 0.29, 0.5), (-0.3, 0.08), (-0.24, 0), (0.24, 0), (0.3, 0.08)]),
        Shape("light", ellipse(0, 0.22, 0.14, 0.2)),
        Shape("main", ear),
        Shape("main", [(-x, y) for x, y in ear]),
        Shape("main", ellipse(0, 0.7, 0.31, 0.24)),
        Shape("light", ellipse(0, 0.62, 0.14, 0.1)),
        Shape("ink", [(-0.05, 0.67), (0.05, 0.67), (0, 0.61)]),
    ]
    return [*shapes, *(Shape("ink", ellipse(x, 0.74, 0.055, 0.065)) for x in (-0.14, 0.14))]


def fish(rng: random.Random) -> list[Shape]:
    """A round fish that leaps out of the water."""
    side = rng.choice((-1, 1))
    tilt = rng.uniform(12, 24)
    figures = [
        Shape("dark", [(-0.22, 0.46), (-0.5, 0.72), (-0.44, 0.46), (-0.5, 0.2)]),
        Shape("dark", [(-0.12, 0.64), (0.0, 0.86), (0.2, 0.66)]),
        Shape("main", ellipse(0.08, 0.46, 0.38, 0.26)),
        Shape("light", [*arch(0, 0, 0.3, 0.12)]),
        Shape("dark", [(-0.02, 0.46), (-0.18, 0.34), (-0.02, 0.32)]),
        Shape("cream", ellipse(0.28, 0.53, 0.08, 0.08)),
        Shape("ink", ellipse(0.3, 0.53, 0.045, 0.045)),
    ]
    belly = [(0.08 - x, 0.36 - y) for x, y in figures[3].points]
    figures[3] = Shape("light", belly)
    return [Shape(tone, [(x * side, y) for x, y in turn(points, tilt, 0, 0.46)]) for tone, points in figures]


def car(rng: random.Random) -> list[Shape]:
    """A small round car."""
    side = rng.choice((-1, 1))
    roof = 0.6 + rng.uniform(-0.02, 0.03)
    cabin = [
        (-0.36, 0.32),
        (0.28, 0.32),
        (0.16, roof - 0.04),
        (0.1, roof),
        (-0.2, roof),
        (-0.26, roof - 0.04),
    ]
    body = [(-0.5, 0.14), (0.5, 0.14), (0.5, 0.28), (0.44, 0.36), (-0.44, 0.38), (-0.5, 0.32)]
    figures = [
        Shape("main", cabin),
        Shape("glass", [(-0.24, 0.36), (-0.07, 0.36), (-0.07, roof - 0.07), (-0.17, roof - 0.07)]),
        Shape("glass", [(0.0, 0.36), (0.18, 0.36), (0.1, roof - 0.07), (0.0, roof - 0.07)]),
        Shape("main", body),
        Shape("dark", rect(-0.5, 0.12, 0.5, 0.2)),
        Shape("cream", ellipse(0.45, 0.28, 0.05, 0.05)),
    ]
    for x in (-0.27, 0.27):
        figures += [Shape("ink", ellipse(x, 0.13, 0.135, 0.135)), Shape("grey", ellipse(x, 0.13, 0.06, 0.06))]
    return [Shape(tone, [(x * side, y) for x, y in points]) for tone, points in figures]


def flower(rng: random.Random) -> list[Shape]:
    """A tall flower with six petals and two leaves."""
    spin = rng.uniform(0, 60)
    heart = 0.66
    shapes = [
        Shape("stem", rect(-0.035, 0, 0.035, heart)),
        Shape("stem", [(0, 0.06), (0.14, 0.1), (0.3, 0.28), (0.12, 0.26)]),
        Shape("stem", [(0, 0.02), (-0.14, 0.06), (-0.3, 0.22), (-0.12, 0.22)]),
    ]
    for i in range(6):
        bearing = math.radians(spin + 60 * i)
        middle = (0.21 * math.cos(bearing), heart + 0.21 * math.sin(bearing))
        shapes.append(Shape("main", ellipse(*middle, 0.135, 0.135)))
    return [
        *shapes,
        Shape("light", ellipse(0, heart, 0.17, 0.17)),
        Shape("wood", ellipse(0, heart, 0.11, 0.11)),
    ]


def rocket(rng: random.Random) -> list[Shape]:
    """A moon rocket on three fins."""
    belly = 0.2 + rng.uniform(-0.01, 0.02)
    hull = [(-0.13, 0.12), (0.13, 0.12), (belly, 0.4), (0.17, 0.66), (0.09, 0.86), (0, 0.99)]
    hull += [(-x, y) for x, y in hull[4:1:-1]]
    return [
        Shape("dark", [(-0.12, 0.42), (-0.38, 0.16), (-0.38, 0.0), (-0.1, 0.16)]),
        Shape("dark", [(0.12, 0.42), (0.38, 0.16), (0.38, 0.0), (0.1, 0.16)]),
        Shape("ink", [(-0.09, 0.06), (0.09, 0.06), (0.12, 0.14), (-0.12, 0.14)]),
        Shape("main", hull),
        Shape("dark", [(-0.14, 0.75), (0.14, 0.75), (0.09, 0.86), (0, 0.99), (-0.09, 0.86)]),
        Shape("cream", ellipse(0, 0.54, 0.12, 0.12)),
        Shape("glass", ellipse(0, 0.54, 0.075, 0.075)),
        Shape("dark", [(-0.035, 0.0), (0.035, 0.0), (0.035, 0.32), (-0.035, 0.32)]),
    ]


def umbrella(rng: random.Random) -> list[Shape]:
    """An open umbrella on its stick."""
    rim = 0.5 + rng.uniform(-0.03, 0.03)
    scallops = [(-0.33, rim + 0.06), (-0.167, rim), (0, rim + 0.06), (0.167, rim), (0.33, rim + 0.06)]
    dome = [*arch(0, rim, 0.5, 0.43), *scallops]
    panel = [(x * 0.34, y) for x, y in arch(0, rim, 0.5, 0.43)]
    hook = [(0, rim + 0.1), (0, 0.1), (0.03, 0.04), (0.09, 0.03), (0.14, 0.06), (0.15, 0.12)]
    return [
        Shape("wood", ribbon(hook, 0.065)),
        Shape("wood", rect(-0.03, rim + 0.38, 0.03, 1.0)),
        Shape("main", dome),
        Shape("light", [*panel, (0, rim + 0.06)]),
    ]


DRAWERS: dict[str, Callable[[random.Random], list[Shape]]] = {
    "house": house,
    "tree": tree,
    "castle": castle,
    "boat": boat,
    "balloon": balloon,
    "mushroom": mushroom,
    "windmill": windmill,
    "cat": cat,
    "fish": fish,
    "car": car,
    "flower": flower,
    "rocket": rocket,
    "umbrella": umbrella,
}
