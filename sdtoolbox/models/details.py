"""What a model's own files say about it in words: its sidecars, as several programs write them, and its header."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from sdtoolbox.models.small_files import read_small

LARGEST_SIDECAR = 4_000_000  # bytes
LARGEST_DESCRIPTION = 20_000  # characters
MOST_TAGS = 8  # a LoRA's training tags that are shown as trigger words
LONGEST_WORD = 500


@dataclass(slots=True)
class Details:
    """Whoever speaks first is heard: sidecars are read in the order of trust, then the header."""

    name: str = ""
    description: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    trigger_words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""

    def add(self, more: Iterable[tuple[str, Any]]) -> None:
        """Take over what was not known yet; of two values for one name the first that is not empty."""
        for name, value in more:
            if value and not getattr(self, name):
                setattr(self, name, value)


class Own(BaseModel):
    """What a model says about itself in its `sdtoolbox.json`."""

    name: str = ""
    description: str = ""
    defaults: dict[str, int | float | str] = {}
    trigger_words: tuple[str, ...] = Field((), max_length=100)
    tags: tuple[str, ...] = Field((), max_length=100)


def details(sidecars: Sequence[Path], metadata: Mapping[str, str]) -> Details:
    """All that is said; ValueError if an `sdtoolbox.json` is wrong, anybody else's sidecar is passed over then."""
    found = Details()
    for sidecar in sidecars:
        if sidecar.name.endswith("sdtoolbox.json"):
            found.add(Own.model_validate_json(read_small(sidecar, LARGEST_SIDECAR)).model_dump().items())
            continue
        try:
            values = json.loads(read_small(sidecar, LARGEST_SIDECAR))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            found.add(_civitai(values) if sidecar.name.endswith("civitai.info") else _a1111(values))
    found.add(_header(metadata))
    return found


def _a1111(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "description", _text(values.get("description"))
    yield "notes", _text(values.get("notes"))
    yield "trigger_words", _words(values.get("activation text"))
    weight = values.get("preferred weight")
    if isinstance(weight, int | float) and 0 < abs(weight) <= 10:  # 0 is how its editor writes "none"
        yield "defaults", {"weight": weight}


def _civitai(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    words = values.get("trainedWords")
    yield "trigger_words", tuple(word for text in words for word in _words(text)) if isinstance(words, list) else ()
    model = values.get("model")
    for place in (values, model if isinstance(model, dict) else {}):
        yield "description", _text(place.get("description"))
        tags = place.get("tags")
        if isinstance(tags, list):
            yield "tags", tuple(tag[:LONGEST_WORD] for tag in tags if isinstance(tag, str))


def _header(metadata: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    yield "description", _text(metadata.get("modelspec.description"))
    yield "trigger_words", _words(metadata.get("modelspec.trigger_phrase"))
    yield "trigger_words", _frequent(metadata.get("ss_tag_frequency", ""))


def _frequent(text: str) -> tuple[str, ...]:
    """The tags that a trainer saw most often, from `{"folder": {"tag": count}}`."""
    try:
        folders = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, int) and (word := tag.strip()):
                counts[word[:LONGEST_WORD]] += count
    return tuple(tag for tag, _ in counts.most_common(MOST_TAGS))


def _text(value: Any) -> str:
    """Plain text from text or from the HTML that a web page was described with."""
    if not isinstance(value, str):
        return ""
    plain = value[: 4 * LARGEST_DESCRIPTION]
    if re.search(r"</?[a-z][^<>]*>", plain, re.IGNORECASE):
        plain = html.unescape(re.sub(r"<[^<>]*>", " ", plain))
    return plain.replace("\0", "").strip()[:LARGEST_DESCRIPTION]


def _words(value: Any) -> tuple[str, ...]:
    text = value.replace("\0", "") if isinstance(value, str) else ""
    return tuple(dict.fromkeys(word[:LONGEST_WORD] for part in text.split(",") if (word := part.strip())))
