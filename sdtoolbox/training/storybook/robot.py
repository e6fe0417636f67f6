"""A thing that the storybook does not know: a robot, drawn with the world's own shapes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from PIL import Image

from sdtoolbox.training.storybook import world
from sdtoolbox.training.storybook.objects import DRAWERS
from sdtoolbox.training.storybook.shapes import Shape, ellipse, rect, ribbon
from sdtoolbox.training.storybook.world import Scene

KIND = "robot"


def robot(rng: random.Random) -> list[Shape]:
    """A robot that waves; same frame as the shapes in `objects`."""
    side, lift = rng.choice((-1, 1)), rng.uniform(-0.05, 0.05)
    waving = [(0.24 * side, 0.42), (0.40 * side, 0.46), (0.43 * side, 0.68 + lift)]
    hanging = [(-0.24 * side, 0.42), (-0.40 * side, 0.38), (-0.41 * side, 0.2 + lift)]
    return [
        Shape("dark", ribbon(waving, 0.1)),
        Shape("dark", ribbon(hanging, 0.1)),
        Shape("grey", ellipse(0.43 * side, 0.71 + lift, 0.08, 0.08)),
        Shape("grey", ellipse(-0.41 * side, 0.17 + lift, 0.08, 0.08)),
        *(Shape("dark", rect(x - 0.08, 0.0, x + 0.08, 0.2)) for x in (-0.14, 0.14)),
        Shape("ink", rect(-0.03, 0.82, 0.03, 0.94)),
        Shape("main", ellipse(0, 0.94, 0.065, 0.065)),
        Shape("main", rect(-0.25, 0.12, 0.25, 0.5)),
        Shape("light", rect(-0.14, 0.2, 0.14, 0.4)),
        Shape("main", rect(-0.29, 0.5, 0.29, 0.86)),
        Shape("ink", rect(-0.23, 0.57, 0.23, 0.79)),
        *(Shape("cream", ellipse(x, 0.68, 0.08, 0.085)) for x in (-0.11, 0.11)),
    ]


def with_robot(scene: Scene) -> Scene:
    """The same scene with a robot in the place of its first item."""
    return replace(scene, items=(replace(scene.items[0], kind=KIND), *scene.items[1:]))


def draw(scene: Scene, seed: int, size: int) -> Image.Image:
    """As `world.draw`, for scenes with robots too."""
    with _known():
        return world.draw(scene, seed, size)


@contextmanager
def _known() -> Iterator[None]:
    # The world is frozen with the thirteen kinds that the checkpoint and its judge know: this one visits.
    DRAWERS[KIND] = robot
    try:
        yield
    finally:
        del DRAWERS[KIND]
