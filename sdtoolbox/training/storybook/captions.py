"""Captions of storybook scenes: plain English, shuffled and incomplete, but never untrue."""

from __future__ import annotations

import random

from sdtoolbox.training.storybook.world import Item, Scene

EMPTY = ""
"""The caption that states nothing: training shows it now and then, so that guidance has its other end."""

GROUND_PHRASES: dict[str, tuple[str, ...]] = {
    "meadow": ("in a meadow", "in a meadow", "on a meadow", "in the meadow"),
    "desert": ("in the desert", "in the desert", "in a desert", "in the sandy desert"),
    "snow": ("in the snow", "in the snow", "on snow", "on snowy ground"),
    "sea": ("on the sea", "on the sea", "at sea", "in the sea"),
}
TIME_PHRASES: dict[str, tuple[str, ...]] = {
    "day": ("by day", "by day", "during the day", "in daylight"),
    "sunset": ("at sunset", "at sunset", "in the evening sun", "with a sunset"),
    "night": ("at night", "at night", "by night", "at night with moon and stars"),
}
WEATHER_PHRASES: dict[str, tuple[str, ...]] = {
    "clear": ("clear sky", "under a clear sky", "clear weather"),
    "clouds": ("under clouds", "cloudy sky", "with clouds"),
    "rain": ("in the rain", "rain", "while it rains"),
    "snowfall": ("snow is falling", "snowfall", "while it snows"),
}
MOUNTAIN_PHRASES = ("with mountains", "with mountains behind", "mountains in the background")
PLACE_PHRASES = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "flat": ("flat", "flat colours", "flat style"),
    "watercolour": ("watercolour", "watercolour", "watercolour painting", "in watercolour"),
    "pixel art": ("pixel art", "pixel art", "as pixel art", "pixel art style"),
    "pencil sketch": ("pencil sketch", "pencil sketch", "as a pencil sketch", "drawn in pencil"),
}
STYLED_PICTURES: dict[str, str] = {
    "flat": "a flat picture of",
    "watercolour": "a watercolour of",
    "pixel art": "a pixel art picture of",
    "pencil sketch": "a pencil sketch of",
}

# From left to right; the word says where the first item is, as seen from the second.
_ORDER = {"left": 0, "middle": 1, "right": 2}


def item_phrase(item: Item, *, size: bool = True, color: bool = True) -> str:
    """One item in words, such as "a big red house"."""
    words = [item.size if size else "", item.color if color else "", item.kind]
    phrase = " ".join(word for word in words if word)
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def relation(first: Item, second: Item) -> str:
    """Where `first` is, as seen from `second`: "left of" or "right of"."""
    return "left of" if _ORDER[first.place] < _ORDER[second.place] else "right of"


def caption(scene: Scene, rng: random.Random) -> str:
    """A caption of `scene`, less than 60 tokens long, in which every statement is true.

    Left out at random: each item's kind (3 %), colour (3 %), size (40 %) and place (20 %), ground (20 %),
    time (20 %), weather, mountains and style (a third; nearly always where clear, none and flat).
    """
    subject, parts = _subject(scene, rng)
    ground = rng.choice(GROUND_PHRASES[scene.ground])
    if rng.random() < 0.8:
        if rng.random() < 0.6:
            subject = f"{subject} {ground}"
        else:
            parts.append(ground)
    if rng.random() < 0.8:
        parts.append(rng.choice(TIME_PHRASES[scene.time]))
    if rng.random() < (0.08 if scene.weather == "clear" else 0.68):
        parts.append(rng.choice(WEATHER_PHRASES[scene.weather]))
    if scene.mountains and rng.random() < 0.65:
        parts.append(rng.choice(MOUNTAIN_PHRASES))
    styled = rng.random() < (0.15 if scene.style == "flat" else 0.7)
    if styled and rng.random() < 0.4:
        subject = f"{STYLED_PICTURES[scene.style]} {subject}"
    else:
        if styled:
            parts.append(rng.choice(STYLE_PHRASES[scene.style]))
        if rng.random() < 0.08:
            subject = f"a picture of {subject}"
    rng.shuffle(parts)
    before = 1 if parts and rng.random() < 0.2 else 0
    return ", ".join([*parts[:before], subject, *parts[before:]])


def _subject(scene: Scene, rng: random.Random) -> tuple[str, list[str]]:
    """What the caption is about, and the phrases that are still to be placed."""
    if rng.random() < 0.03:
        return "a landscape", []
    first = scene.items[0]
    if len(scene.items) == 1 or rng.random() < 0.06:
        return _said(first, rng), [PLACE_PHRASES[first.place]] if rng.random() < 0.8 else []
    one, two = rng.sample(scene.items, 2)
    form = rng.random()
    if form < 0.4:
        sides = (f"{_said(item, rng)} {PLACE_PHRASES[item.place]}" for item in (one, two))
        return " and ".join(sides), []
    if form < 0.7:
        subject = f"{_said(one, rng)} {relation(one, two)} {_said(two, rng)}"
    elif form < 0.9:
        subject = f"{_said(one, rng)} next to {_said(two, rng)}"
    else:
        return f"{_said(one, rng)} and {_said(two, rng)}", []
    if rng.random() < 0.4:  # the place belongs to the item that is named first
        subject = subject.replace(one.kind, f"{one.kind} {PLACE_PHRASES[one.place]},", 1)
    return subject, []


def _said(item: Item, rng: random.Random) -> str:
    return item_phrase(item, size=rng.random() < 0.6, color=rng.random() < 0.97)
