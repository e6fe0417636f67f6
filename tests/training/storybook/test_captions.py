import random
import re
from dataclasses import replace

import pytest

from sdtoolbox.training.storybook.captions import (
    EMPTY,
    GROUND_PHRASES,
    MOUNTAIN_PHRASES,
    STYLE_PHRASES,
    STYLED_PICTURES,
    TIME_PHRASES,
    WEATHER_PHRASES,
    caption,
    item_phrase,
    relation,
)
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
    sample_scene,
)

HOUSE = Item("house", "red", "big", "left")
TREE = Item("tree", "green", "small", "right")
THING = re.compile(
    rf"an? (?:({'|'.join(SIZES)}) )?(?:({'|'.join(COLORS)}) )?({'|'.join(KINDS)})\b"
    rf"(?: (?:on|in) the ({'|'.join(PLACES)}))?"
)


def says(text: str, phrase: str) -> bool:
    return re.search(rf"\b{phrase}\b", text) is not None


def test_every_value_has_its_words() -> None:
    assert tuple(GROUND_PHRASES) == GROUNDS
    assert tuple(TIME_PHRASES) == TIMES
    assert tuple(WEATHER_PHRASES) == WEATHERS
    assert tuple(STYLE_PHRASES) == tuple(STYLED_PICTURES) == STYLES


def test_items_in_words() -> None:
    assert item_phrase(HOUSE) == "a big red house"
    assert item_phrase(HOUSE, size=False, color=False) == "a house"
    assert item_phrase(Item("car", "orange", "small", "left"), size=False) == "an orange car"
    assert (relation(HOUSE, TREE), relation(TREE, HOUSE)) == ("left of", "right of")


def test_the_empty_caption_states_nothing() -> None:
    assert EMPTY == ""


@pytest.mark.parametrize("seed", range(4))
def test_captions_state_nothing_untrue(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(700):
        scene = sample_scene(rng)
        text = caption(scene, rng)
        things = THING.findall(text)
        assert len(things) <= len(scene.items)
        for size, color, kind, place in things:
            assert any(
                kind == item.kind
                and color in ("", item.color)
                and size in ("", item.size)
                and place in ("", item.place)
                for item in scene.items
            ), text
        for phrases, value in (
            (GROUND_PHRASES, scene.ground),
            (TIME_PHRASES, scene.time),
            (WEATHER_PHRASES, scene.weather),
            (STYLE_PHRASES, scene.style),
        ):
            untrue = [p for key, known in phrases.items() if key != value for p in known if says(text, p)]
            assert not untrue, text
        if not scene.mountains:
            assert not any(says(text, phrase) for phrase in MOUNTAIN_PHRASES)
        assert len(re.findall(r"\w+|,", text)) < 50


def test_relations_are_true() -> None:
    rng = random.Random(0)
    scene = Scene((HOUSE, TREE), "meadow", "day")
    texts = [caption(scene, rng) for _ in range(500)]
    related = [text for text in texts if " of a" in text and "picture of" not in text and "flat" not in text]
    assert any("left of" in text for text in related)
    assert any("right of" in text for text in related)
    for text in related:
        assert (text.index("house") < text.index("tree")) == ("left of" in text), text
    assert any("next to" in text for text in texts)
    assert any(" and " in text and "on the left" in text and "on the right" in text for text in texts)


def test_parts_are_said_about_as_often_as_documented() -> None:
    rng = random.Random(1)
    scene = Scene((HOUSE,), "desert", "night", "rain", "pixel art", mountains=True)
    texts = [caption(scene, rng) for _ in range(2000)]

    def share(*phrases: str) -> float:
        return sum(any(says(text, phrase) for phrase in phrases) for text in texts) / len(texts)

    assert share("red house") == pytest.approx(0.94, abs=0.03)
    assert share("big") == pytest.approx(0.58, abs=0.05)
    assert share("left") == pytest.approx(0.78, abs=0.05)
    assert share("desert") == pytest.approx(0.8, abs=0.05)
    assert share("night") == pytest.approx(0.8, abs=0.05)
    assert share("rain", "rains") == pytest.approx(0.68, abs=0.05)
    assert share("mountains") == pytest.approx(0.65, abs=0.05)
    assert share("pixel art") == pytest.approx(0.7, abs=0.05)


def test_captions_vary() -> None:
    rng = random.Random(2)
    scene = replace(Scene((HOUSE,), "meadow", "day"), mountains=True)
    assert len({caption(scene, rng) for _ in range(300)}) > 150
