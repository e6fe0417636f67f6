"""Adapters in a prompt: `<lora:name:0.8>` tags are taken out, and the words stay as they were typed."""

from __future__ import annotations

import re

TAG = re.compile(r"\s*(?:lora|lyco)\s*:\s*([^:\s][^\n]*)", re.IGNORECASE)
GAP = " \t"


def take_tags(text: str) -> tuple[str, list[str]]:
    """(the text without its tags, what stood in each behind `lora:`), which `schema.adapters.short_form` understands.

    `<lora:name>`, `<lora:name:0.8>`, `<lora:name:0.5:0.8>` and `<lyco:name:…>`, in any case. What is no whole tag
    stays. In one pass: a tag that only appears when another is taken out of its middle is taken too, so that a
    second call finds nothing.
    """
    kept: list[str] = []
    opened: list[int] = []  # where in `kept` each "<" lies that a ">" may still close
    tags: list[str] = []
    close_gap = False
    for piece in re.split(r"([<>])", text):
        if close_gap:
            piece = piece.lstrip(GAP)
            close_gap = not piece
        if piece == "<":
            opened.append(len(kept))
        elif piece == ">" and opened:
            start = opened.pop()
            if found := TAG.fullmatch("".join(kept[start + 1 :])):
                tags.append(_tidy(found[1]))
                del kept[start:]
                close_gap = _ends_with_space(kept)
                continue
            opened.clear()  # an outer tag would have these brackets inside
        if piece:
            kept.append(piece)
    rest = "".join(kept)
    return (rest.rstrip(GAP) if close_gap else rest), tags


def _ends_with_space(kept: list[str]) -> bool:
    return not kept or kept[-1][-1].isspace()


def _tidy(text: str) -> str:
    return ":".join(part for one in text.split(":") if (part := one.strip()))
