import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdtoolbox.training.storybook import evaluation
from sdtoolbox.training.storybook.captions import GROUND_PHRASES, PLACE_PHRASES, STYLE_PHRASES, TIME_PHRASES
from sdtoolbox.training.storybook.evaluation import (
    COUNT,
    FROZEN_FILES,
    HELD_OUT,
    StatedScene,
    combination,
    fingerprint,
    held_out_combinations,
    load_entries,
    make_entries,
    possible_places,
    training_scene,
)
from sdtoolbox.training.storybook.world import COLORS, GROUNDS, KINDS, PLACES, TIMES

PACKAGE = "sdtoolbox.training.storybook"
FOLDER = Path(evaluation.__file__).parent
ENTRIES = load_entries()
SCENES = [entry["scene"] for entry in ENTRIES]


def test_the_file_is_what_the_code_makes() -> None:
    assert make_entries() == ENTRIES


def test_there_are_200_different_sentences() -> None:
    assert len({entry["sentence"] for entry in ENTRIES}) == COUNT == 200
    assert ENTRIES[0]["sentence"] == "a big red house in a meadow, on the left, by day"


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["sentence"] for entry in ENTRIES])
def test_a_sentence_says_what_its_scene_states(entry: evaluation.Entry) -> None:
    text, scene = entry["sentence"], entry["scene"]
    main = scene["items"][0]
    assert main["place"] is not None
    for item in scene["items"]:
        size = f"{item['size']} " if item["size"] else ""
        assert re.search(rf"\ban? {size}{item['color']} {item['kind']}\b", text)
    assert PLACE_PHRASES[main["place"]] in text
    assert any(phrase in text for phrase in GROUND_PHRASES[scene["ground"]])
    assert any(phrase in text for phrase in TIME_PHRASES[scene["time"]])
    stated = [style for style, phrases in STYLE_PHRASES.items() if any(phrase in text for phrase in phrases)]
    assert stated == ([scene["style"]] if scene["style"] else [])
    assert (scene["relation"] is not None) == (len(scene["items"]) == 2)
    assert scene["relation"] is None or scene["relation"] in text


def test_the_values_are_balanced() -> None:
    def spread(values: Iterator[str], known: tuple[str, ...]) -> int:
        counts = Counter(values)
        assert set(counts) == set(known)
        return max(counts.values()) - min(counts.values())

    assert spread((scene["items"][0]["kind"] for scene in SCENES), KINDS) <= 2
    assert spread((scene["items"][0]["color"] for scene in SCENES), COLORS) <= 2
    assert spread((scene["items"][0]["place"] or "" for scene in SCENES), PLACES) <= 2
    assert spread((scene["ground"] for scene in SCENES), GROUNDS) <= 2
    assert spread((scene["time"] for scene in SCENES), TIMES) <= 2
    assert 35 <= sum(scene["style"] is not None for scene in SCENES) <= 45
    assert 35 <= sum(scene["relation"] is not None for scene in SCENES) <= 45
    assert 30 <= sum(scene["weather"] is not None for scene in SCENES) <= 60


def test_a_relation_leaves_the_places_on_its_side() -> None:
    scene: StatedScene = {
        "items": [
            {"kind": "house", "color": "red", "size": None, "place": "left"},
            {"kind": "tree", "color": "green", "size": None, "place": None},
        ],
        "ground": "snow", "time": "day", "style": None, "weather": None, "mountains": None,
        "relation": "left of",
    }  # fmt: skip
    assert possible_places(scene, 0) == ("left",)
    assert possible_places(scene, 1) == ("middle", "right")
    for scene in SCENES:
        assert all(possible_places(scene, index) for index in range(len(scene["items"])))


def test_training_scenes_hold_no_held_out_combination() -> None:
    assert held_out_combinations(ENTRIES) == HELD_OUT
    assert ("house", "red", "left", "meadow", "day") in HELD_OUT
    assert len(HELD_OUT) >= COUNT
    rng = random.Random(0)
    for _ in range(10_000):
        scene = training_scene(rng)
        assert not any(combination(scene, item) in HELD_OUT for item in scene.items)


def test_the_fingerprint_covers_the_modules_that_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {module.rpartition(".")[2] + ".py" for module in sys.modules if module.startswith(f"{PACKAGE}.")}
    assert drawn & {path.name for path in FOLDER.iterdir()} >= set(FROZEN_FILES) - {"evaluation.json"}
    assert re.fullmatch(r"[0-9a-f]{64}", fingerprint())
    whole = fingerprint()
    monkeypatch.setattr(evaluation, "FROZEN_FILES", FROZEN_FILES[1:])
    assert fingerprint() != whole
