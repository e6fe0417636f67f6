"""Two hundred frozen sentences that judge a trained storybook model, kept out of its training.

`python -m sdtoolbox.training.storybook.evaluation` writes `evaluation.json` again; its content is a
function of this code alone. No training scene has an item with the kind, colour, place, ground and time
of an item that a sentence asks for.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar

from sdtoolbox.training.storybook.captions import (
    GROUND_PHRASES,
    MOUNTAIN_PHRASES,
    PLACE_PHRASES,
    STYLE_PHRASES,
    TIME_PHRASES,
    WEATHER_PHRASES,
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

Combination = tuple[str, str, str, str, str]
"""Kind, colour, place, ground and time of one item."""

COUNT = 200
FROZEN_FILES = (
    "canvas.py",
    "captions.py",
    "evaluation.json",
    "landscape.py",
    "objects.py",
    "palette.py",
    "shapes.py",
    "styles.py",
    "world.py",
)
"""The files that decide what the world looks like, how it is described and what is asked."""

_HERE = Path(__file__).parent
_FILE = _HERE / "evaluation.json"
_SEED = 2024
_RELATIONS = {
    "left": ("left of", "next to"),
    "middle": ("left of", "right of", "next to"),
    "right": ("right of", "next to"),
}
_T = TypeVar("_T")


class StatedItem(TypedDict):
    """One item as a sentence states it; None where it says nothing."""

    kind: str
    color: str
    size: str | None
    place: str | None


class StatedScene(TypedDict):
    """A scene as a sentence states it; `relation` says where the first item is, seen from the second."""

    items: list[StatedItem]
    ground: str
    time: str
    style: str | None
    weather: str | None
    mountains: bool | None
    relation: str | None


class Entry(TypedDict):
    """A sentence of the evaluation, and what it states."""

    sentence: str
    scene: StatedScene


def make_entries() -> list[Entry]:
    """The 200 entries from a fixed seed; each value of kind, colour, place, ground and time is balanced."""
    rng = random.Random(_SEED)
    first: StatedScene = {
        "items": [{"kind": "house", "color": "red", "size": "big", "place": "left"}],
        "ground": "meadow",
        "time": "day",
        "style": None,
        "weather": None,
        "mountains": None,
        "relation": None,
    }
    entries: list[Entry] = [{"sentence": "a big red house in a meadow, on the left, by day", "scene": first}]
    count = COUNT - 1
    combinations: list[Combination] = []
    while len(set(combinations) | {("house", "red", "left", "meadow", "day")}) < COUNT:
        decks = (_deck(rng, values, count) for values in (KINDS, COLORS, PLACES, GROUNDS, TIMES))
        combinations = list(zip(*decks, strict=True))
    sizes = _deck(rng, (*SIZES, None), count)
    styles = _deck(rng, (*STYLES[1:], *[None] * 12), count)  # a fifth of the sentences
    weathers = _deck(rng, (*WEATHERS[1:], *[None] * 9), count)
    mountains = _deck(rng, (True, *[None] * 5), count)
    companions = _deck(rng, (True, *[None] * 4), count)
    for i, (kind, color, place, ground, time) in enumerate(combinations):
        main: StatedItem = {"kind": kind, "color": color, "size": sizes[i], "place": place}
        scene: StatedScene = {
            "items": [main], "ground": ground, "time": time, "style": styles[i], "weather": weathers[i],
            "mountains": mountains[i], "relation": None,
        }  # fmt: skip
        if companions[i]:
            _add_companion(scene, rng)
        entries.append({"sentence": _sentence(scene, rng), "scene": scene})
    return entries


def _deck(rng: random.Random, values: Sequence[_T], count: int) -> list[_T]:
    """`count` cards with every value equally often (plus or minus one), shuffled."""
    deck = [values[i % len(values)] for i in range(count)]
    rng.shuffle(deck)
    return deck


def _add_companion(scene: StatedScene, rng: random.Random) -> None:
    main = scene["items"][0]
    place = main["place"]
    assert place is not None
    kind = rng.choice([k for k in KINDS if k != main["kind"]])
    color = rng.choice([c for c in COLORS if c != main["color"]])
    scene["relation"] = rng.choice(_RELATIONS[place])
    scene["items"].append({"kind": kind, "color": color, "size": None, "place": None})


def _sentence(scene: StatedScene, rng: random.Random) -> str:
    main = scene["items"][0]
    assert main["place"] is not None
    subject = _words(main)
    place = PLACE_PHRASES[main["place"]]
    phrases = [rng.choice(TIME_PHRASES[scene["time"]])]
    ground = rng.choice(GROUND_PHRASES[scene["ground"]])
    if scene["relation"] is not None:
        subject = f"{subject} {place}, {scene['relation']} {_words(scene['items'][1])}"
        phrases.append(ground)
    else:
        joined, other = rng.sample((place, ground), 2)
        if rng.random() < 0.7:
            subject = f"{subject} {joined}"
        else:
            phrases.append(joined)
        phrases.append(other)
    if scene["weather"] is not None:
        phrases.append(rng.choice(WEATHER_PHRASES[scene["weather"]]))
    if scene["mountains"]:
        phrases.append(rng.choice(MOUNTAIN_PHRASES))
    if scene["style"] is not None:
        phrases.append(rng.choice(STYLE_PHRASES[scene["style"]]))
    rng.shuffle(phrases)
    before = 1 if rng.random() < 0.2 else 0
    return ", ".join([*phrases[:before], subject, *phrases[before:]])


def _words(item: StatedItem) -> str:
    words = " ".join(word for word in (item["size"], item["color"], item["kind"]) if word)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def load_entries() -> list[Entry]:
    """The entries in `evaluation.json`."""
    entries: list[Entry] = json.loads(_FILE.read_text(encoding="utf-8"))
    return entries


def possible_places(scene: StatedScene, index: int) -> tuple[str, ...]:
    """The places where item `index` of a stated scene may be: its own, or those its relation leaves."""
    own = scene["items"][index]["place"]
    if own is not None:
        return (own,)
    main = scene["items"][0]["place"]
    assert main is not None
    at = PLACES.index(main)
    sides = {"left of": PLACES[at + 1 :], "right of": PLACES[:at]}
    return sides.get(scene["relation"] or "", tuple(place for place in PLACES if place != main))


def held_out_combinations(entries: Iterable[Entry]) -> frozenset[Combination]:
    """Every combination that one of the entries asks for."""
    return frozenset(
        (item["kind"], item["color"], place, entry["scene"]["ground"], entry["scene"]["time"])
        for entry in entries
        for index, item in enumerate(entry["scene"]["items"])
        for place in possible_places(entry["scene"], index)
    )


HELD_OUT: frozenset[Combination] = held_out_combinations(load_entries() if _FILE.exists() else ())
"""The combinations that no training scene contains."""


def combination(scene: Scene, item: Item) -> Combination:
    """The combination that `item` and its scene stand for."""
    return item.kind, item.color, item.place, scene.ground, scene.time


def training_scene(rng: random.Random, *, style: str | None = None) -> Scene:
    """A scene of `sample_scene` none of whose items is a held-out combination."""
    while True:
        scene = sample_scene(rng, style=style)
        if not any(combination(scene, item) in HELD_OUT for item in scene.items):
            return scene


def fingerprint() -> str:
    """SHA-256 (hexadecimal) over FROZEN_FILES: a model card states it to prove what it was judged by."""
    digest = hashlib.sha256()
    for name in FROZEN_FILES:
        content = (_HERE / name).read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def write() -> None:
    """Writes `evaluation.json`, one entry a line."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in make_entries())
    _FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write()
