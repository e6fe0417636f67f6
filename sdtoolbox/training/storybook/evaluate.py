"""Judges the exported model: 200 frozen sentences, two seeds each, default settings, nothing picked.

What counts, for the item that a sentence names first:
object  its kind is read at any of the three places;
color   at a place where its kind is read, its colour is read too (wrong where the kind is not seen);
place   its kind is read at the stated place, among the pictures in which the kind is seen at all
        ("place, all pictures" counts those in which it is not seen as wrong);
ground, time, style, weather, mountains  the stated value is read (style and others: where the sentence states one).
For the second item of a sentence: second object, second color likewise; relation: both kinds are read, at places that
the sentence's "left of", "right of" or "next to" allows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from sdtoolbox.training.storybook.evaluation import Entry, StatedItem, possible_places
from sdtoolbox.training.storybook.world import PLACES

SEEDS = (1, 2)  # one after the other: they are drawn as one batch
WANTED = {"object": 0.80, "color": 0.80, "place": 0.85, "ground": 0.90, "time": 0.95}


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % confidence interval."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.count)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({self.hits} of {self.count}; {100 * low:.1f} to {100 * high:.1f} %)"


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's (1927) score interval of a proportion; (0, 1) where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    share, weight = hits / count, z * z / count
    centre = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def judge(entry: Entry, seen: dict[str, str]) -> dict[str, bool]:
    """What one picture got right of what its sentence states; a key that does not apply is left out."""
    stated = entry["scene"]
    main = stated["items"][0]
    places = seen_at(main, seen)
    verdict = {
        "object": bool(places),
        "color": any(seen[f"color {place}"] == main["color"] for place in places),
        "place, all pictures": main["place"] in places,
        "ground": seen["ground"] == stated["ground"],
        "time": seen["time"] == stated["time"],
    }
    if places:
        verdict["place"] = main["place"] in places
    if main["size"] is not None and places:
        verdict["size"] = any(seen[f"size {place}"] == main["size"] for place in places)
    if stated["style"] is not None:
        verdict["style"] = seen["style"] == stated["style"]
    if stated["weather"] is not None:
        verdict["weather"] = seen["weather"] == stated["weather"]
    if stated["mountains"]:
        verdict["mountains"] = seen["mountains"] == "yes"
    if len(stated["items"]) == 2:
        second = stated["items"][1]
        others = seen_at(second, seen)
        verdict["second object"] = bool(others)
        verdict["second color"] = any(seen[f"color {place}"] == second["color"] for place in others)
        verdict["relation"] = main["place"] in places and bool(set(others) & set(possible_places(stated, 1)))
    return verdict


def seen_at(item: StatedItem, seen: dict[str, str]) -> list[str]:
    """The places at which the item's kind is read."""
    return [place for place in PLACES if seen[f"kind {place}"] == item["kind"]]


def count(verdicts: Sequence[dict[str, bool]]) -> dict[str, Share]:
    """One share for each attribute, over the pictures it applies to."""
    names = dict.fromkeys(name for verdict in verdicts for name in verdict)
    answers = {name: [verdict[name] for verdict in verdicts if name in verdict] for name in names}
    return {name: Share(sum(found), len(found)) for name, found in answers.items()}


def write_results(shares: dict[str, Share], more: dict[str, object], path: Path) -> None:
    """Writes the shares, with intervals and wanted values, and `more` beside them."""
    table = {
        name: {
            "share": round(share.value, 4),
            "hits": share.hits,
            "count": share.count,
            "interval_95": [round(bound, 4) for bound in share.interval],
            **({"wanted": WANTED[name]} if name in WANTED else {}),
        }
        for name, share in shares.items()
    }
    path.write_text(json.dumps({"attributes": table, **more}, indent=2) + "\n", encoding="utf-8")


def contact_sheet(pictures: Sequence[Image.Image], sentences: Sequence[str], columns: int = 8) -> Image.Image:
    """Pictures with their sentences below, in small print."""
    width, below = pictures[0].width + 4, 44
    height = pictures[0].height + below
    paper = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
    pen = ImageDraw.Draw(paper)
    for index, (picture, sentence) in enumerate(zip(pictures, sentences, strict=True)):
        x, y = index % columns * width, index // columns * height
        paper.paste(picture, (x + 2, y))
        pen.multiline_text((x + 3, y + picture.height + 1), _wrap(sentence, 25), "black", font_size=9, spacing=1)
    return paper


def _wrap(sentence: str, width: int) -> str:
    lines = [""]
    for word in sentence.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:4])
