"""What editing does to pictures, read by the judge of the built-in model: `pytest -m slow -s` prints it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.images import masks
from sdtoolbox.images.seams import seam_score
from sdtoolbox.settings import bundled
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.training.storybook.captions import GROUND_PHRASES, PLACE_PHRASES, TIME_PHRASES
from sdtoolbox.training.storybook.world import COLORS, PLACES, Item, Scene, draw

pytestmark = pytest.mark.slow
JUDGE = bundled("assets") / "evaluators" / "storybook" / "model.safetensors"
REPAINTED, DARKENED, WIDENED = 50, 24, 12
STRENGTHS = (0.6, 0.65, 0.7, 0.75, 0.8)
CENTRE = {"left": 0.23, "middle": 0.5, "right": 0.77}
Seen = dict[str, str]


class Case(NamedTuple):
    """A drawn picture of one big house, where it stands, and what such a picture is called."""

    picture: Image.Image
    color: str
    place: str
    ground: str
    time: str

    def said(self, thing: str, time: str = "") -> str:
        """A sentence of the built-in model's world about the same picture with something else in it."""
        parts = (GROUND_PHRASES[self.ground], PLACE_PHRASES[self.place], TIME_PHRASES[time or self.time])
        return ", ".join([f"{thing} {parts[0][0]}", parts[1][0], parts[2][0]])

    def mask(self) -> Image.Image:
        """White over the house and some air around it."""
        mask = Image.new("L", self.picture.size)
        centre = CENTRE[self.place]
        mask.paste(255, (max(0, int((centre - 0.34) * 128)), 23, min(128, int((centre + 0.34) * 128)), 121))
        return mask


def cases(count: int, times: Sequence[str] = ("day", "night")) -> Iterator[Case]:
    for i in range(count):
        rng = random.Random(i)
        place, ground, time = rng.choice(PLACES), rng.choice(("meadow", "desert", "snow")), rng.choice(times)
        color = rng.choice(COLORS)
        yield Case(draw(Scene((Item("house", color, "big", place),), ground, time), i), color, place, ground, time)


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    with Toolbox.open(home=tmp_path_factory.mktemp("home"), threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def look() -> Callable[[Image.Image], Seen]:
    """What the judge sees in a picture."""
    if not JUDGE.is_file():
        pytest.skip("the judge of the built-in model is not there")
    from sdtoolbox.training.storybook.classifier import read
    from sdtoolbox.training.storybook.export import load_classifier

    judge = load_classifier(JUDGE)
    return lambda picture: read(judge, [picture])[0]


def edited(toolbox: Toolbox, task: str, **values: Any) -> tuple[Image.Image, float]:
    """The picture that a task makes of another, and how much its seam shows."""
    result = toolbox.run(task, checkpoint="storybook", **values)
    picture = result.pictures[0]
    with Image.open(Path(toolbox.picture_path(picture.id))) as opened:
        return opened.convert("RGB"), picture.measured.get("seam", 1.0)


def test_a_house_becomes_a_tree_and_nothing_else_changes(toolbox: Toolbox, look: Callable[[Image.Image], Seen]) -> None:
    trees = 0
    seams = []
    for i, case in enumerate(cases(REPAINTED)):
        mask = case.mask()
        values = {"image": toolbox.add_picture(png(case.picture)), "mask": toolbox.add_mask(png(mask)), "seed": i}
        picture, seam = edited(toolbox, "inpaint", prompt=case.said("a big green tree"), **values)
        outside = masks.opacity(np.asarray(mask, np.float32) / 255) == 0
        assert np.array_equal(np.asarray(picture)[outside], np.asarray(case.picture)[outside])
        trees += look(picture)[f"kind {case.place}"] == "tree"
        seams.append(seam)
    print(f"{trees} of {REPAINTED} houses are trees; seam scores from {min(seams)} to {max(seams)}")
    assert trees >= 0.8 * REPAINTED


def test_day_becomes_night_and_the_house_stays_where_it_is(
    toolbox: Toolbox, look: Callable[[Image.Image], Seen]
) -> None:
    kept, used = 0, []
    for i, case in enumerate(cases(DARKENED, ["day"])):
        image = toolbox.add_picture(png(case.picture))
        values = {"image": image, "prompt": case.said(f"a big {case.color} house", "night"), "seed": i}
        seen: Seen = {}
        for strength in STRENGTHS:  # as a person does: more, until it is night
            seen = look(edited(toolbox, "img2img", strength=strength, **values)[0])
            if seen["time"] == "night":
                used.append(strength)
                break
        kept += seen["time"] == "night" and seen[f"kind {case.place}"] == "house"
    print(f"in {kept} of {DARKENED} pictures it is night and the house is where it was; strengths {sorted(used)}")
    assert kept >= 0.75 * DARKENED


def natural_range(picture: Image.Image) -> float:
    """The largest seam score that an upright edge would have anywhere in a picture that nobody repainted."""
    width, height = picture.size
    scores = []
    for x in range(24, width - 24, 4):
        mask = np.zeros((height, width), np.float32)
        mask[:, :x] = 1
        scores.append(seam_score(picture, mask))
    return max(scores)


def test_a_picture_is_widened_without_a_visible_border(toolbox: Toolbox) -> None:
    natural, found = [], []
    for i, case in enumerate(cases(WIDENED)):
        prompt = f"{GROUND_PHRASES[case.ground][0].removeprefix('in ')}, {TIME_PHRASES[case.time][0]}"
        image = toolbox.add_picture(png(case.picture))
        margins = {"outpaint_left": 64, "outpaint_right": 64}
        picture, seam = edited(toolbox, "inpaint", image=image, prompt=prompt, seed=i, **margins)
        assert picture.size == (256, 128)
        reach = masks.reach(masks.BLUR)
        kept = np.asarray(picture)[:, 64 + reach : 192 - reach]
        assert np.array_equal(kept, np.asarray(case.picture)[:, reach:-reach])
        natural.append(natural_range(case.picture))
        found.append(seam)
    within = sum(seam <= limit for seam, limit in zip(found, natural, strict=True))
    print(f"{within} of {WIDENED} within the natural range: {np.round(found, 2)} of {np.round(natural, 2)}")
    assert within >= 0.8 * WIDENED
