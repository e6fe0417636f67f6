"""What a picture says of itself in any program's words, brought to the keys of the A1111 text; and JSON read safely."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LARGEST_JSON = 8 * 2**20
"""Characters; the workflows that people share stay far below."""


@dataclass(frozen=True, slots=True)
class Said:
    """A prompt, a negative prompt and the rest by A1111 key ("Steps", "CFG scale"), keys that nobody knows too."""

    tool: str  # which program wrote it, as people call it
    prompt: str = ""
    negative: str = ""
    pairs: Mapping[str, str] = field(default_factory=dict)


def json_object(text: str | None) -> dict[str, Any]:
    """The JSON object in a text; empty for anything else: cut off, nested too deep, too long, another type."""
    if not text or len(text) > LARGEST_JSON:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def object_in(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, also one written as text, else an empty one."""
    return value if isinstance(value, dict) else json_object(value if isinstance(value, str) else None)


def written(value: Any) -> str:
    """A JSON value as it stands in a line of pairs: text as it is, whole floats as people write them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def pairs_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The pairs of these values, without those that say nothing."""
    return {key: written(value) for key, value in values.items() if value not in (None, "", [], {})}


def size_of(width: Any, height: Any) -> str | None:
    """ "512x768", or None unless both are whole numbers."""
    whole = isinstance(width, int) and isinstance(height, int)
    return f"{width}x{height}" if whole else None
