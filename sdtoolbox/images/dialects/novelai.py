"""NovelAI: a JSON in `Comment`, the prompt in `Description`; its brackets weigh words by 1.05 and are rewritten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdtoolbox.images.dialects.names import sampler_and_schedule
from sdtoolbox.images.dialects.said import Said, json_object, object_in, pairs_of, size_of

FACTOR = 1.05
PIECES = re.compile(r"(-?\d+(?:\.\d+)?::|::|[{}\[\]()\\])")
SCALE = re.compile(r"-?\d+(?:\.\d+)?::")
TAKEN = (
    *("prompt", "uc", "steps", "width", "height", "scale", "seed", "sampler", "noise_schedule", "strength"),
    *("v4_prompt", "v4_negative_prompt", "signed_hash", "cfg_rescale"),
)


def read(texts: Mapping[str, str]) -> Said | None:
    """What a picture of NovelAI says; None for others'."""
    values = json_object(texts.get("Comment"))
    if texts.get("Software") != "NovelAI" and not ("uc" in values and "sampler" in values):
        return None
    prompt = values.get("prompt") or _caption(values.get("v4_prompt")) or texts.get("Description", "")
    negative = values.get("uc") or _caption(values.get("v4_negative_prompt"))
    pairs = pairs_of(
        {
            "Steps": values.get("steps"),
            **sampler_and_schedule(values.get("sampler"), values.get("noise_schedule")),
            "CFG scale": values.get("scale"),
            "Seed": values.get("seed"),
            "Size": size_of(values.get("width"), values.get("height")),
            "Model": texts.get("Source"),
            "CFG rescale": values.get("cfg_rescale") or None,
            "Denoising strength": values.get("strength"),
        }
        | {key: value for key, value in values.items() if key not in TAKEN}
    )
    return Said("NovelAI", our_weights(str(prompt)), our_weights(str(negative or "")), pairs)


def _caption(value: Any) -> str:
    return str(object_in(object_in(value).get("caption")).get("base_caption", ""))


def our_weights(text: str) -> str:
    """The prompt with `{a}`, `[a]` and `1.5::a::` as `(a:1.05)`, `(a:0.952)` and `(a:1.5)`, other brackets escaped.

    Every run of words gets its whole weight: nesting is multiplied out. In one pass.
    """
    written: list[str] = []
    curly = square = 0
    scale = 1.0
    for piece in PIECES.split(text):
        if piece == "{":
            curly += 1
        elif piece == "}":
            curly = max(0, curly - 1)
        elif piece == "[":
            square += 1
        elif piece == "]":
            square = max(0, square - 1)
        elif piece == "::":
            scale = 1.0
        elif SCALE.fullmatch(piece):
            scale = float(piece[:-2][:12])
        else:
            plain = f"\\{piece}" if piece in ("(", ")", "\\") else piece
            _append(written, plain, round(scale * FACTOR ** min(50, max(-50, curly - square)), 3))
    return "".join(written)


def _append(written: list[str], plain: str, weight: float) -> None:
    words = plain.strip(" ,\n")
    if weight == 1 or not words:
        written.append(plain)
        return
    start = plain.index(words)
    written.append(f"{plain[:start]}({words}:{weight:g}){plain[start + len(words) :]}")
