"""The `parameters` text of A1111, Forge and everybody who writes as they do, old and new, whole or mangled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sdtoolbox.images.dialects.said import Said

NEGATIVE = "Negative prompt:"
FEWEST_PAIRS = 3  # a line with fewer pairs is part of the prompt
MOST_PAIRS = 1000
MOST_BAD_LISTS = 8  # unfinished lists in a line; after so many, brackets are taken for plain text
STEPS_LINE = re.compile(r"^[^\S\n]*Steps: ?\d+", re.MULTILINE)
STEPS_INSIDE = re.compile(r"(?<![,\s])[^\S\n](?=Steps: ?\d+ ?,)")
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
SIGNS_OF_FORGE = re.compile(r"f\d+\.\d+|.*forge", re.IGNORECASE)


def read(texts: Mapping[str, str]) -> Said | None:
    """What the text says, None if there is none; a text without a line of pairs is all prompt."""
    text = texts.get("parameters", "")
    if not text.strip():
        return None
    prompt, negative, pairs = split(text)
    return Said(_tool(pairs.get("Version", "")), prompt, negative, pairs)


def _tool(version: str) -> str:
    if version.startswith("sdtoolbox"):
        return "sdtoolbox"
    return "Forge" if SIGNS_OF_FORGE.match(version) else "A1111"


def split(text: str) -> tuple[str, str, dict[str, str]]:
    """(prompt, negative prompt, pairs) of a text, in linear time.

    The pairs begin at the last line that starts with "Steps: 20"; where there is none they are the last line, if that
    has three of them or more; a text that lost its line breaks is cut at "Steps:" and "Negative prompt:".
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    for start in _starts(text):
        pairs = read_pairs(", ".join(text[start:].split("\n")))
        if len(pairs) >= FEWEST_PAIRS:
            break
    else:
        start, pairs = len(text), {}
    head = text[:start]
    broken = bool(pairs) and not head.endswith("\n") and start > 0
    prompt, negative = _cut_negative(head, anywhere=broken)
    return prompt, negative, pairs


def _starts(text: str) -> list[int]:
    """Where the pairs may begin, the likeliest first."""
    last_line = text.rfind("\n") + 1
    lines = [one.start() for one in STEPS_LINE.finditer(text)][-1:]
    inside = [one.end() for one in STEPS_INSIDE.finditer(text, last_line)][-1:]
    return [*lines, *inside, last_line]


def _cut_negative(head: str, *, anywhere: bool) -> tuple[str, str]:
    if head.startswith(NEGATIVE):
        return "", head[len(NEGATIVE) :].strip()
    at = head.find("\n" + NEGATIVE)
    if at < 0 and anywhere:
        at = head.find(" " + NEGATIVE)
    if at < 0:
        return head.strip(), ""
    return head[:at].strip(), head[at + 1 + len(NEGATIVE) :].strip()


def read_pairs(line: str) -> dict[str, str]:
    """The pairs of a line such as `Steps: 20, Model: "a, b"`; values in quotes or brackets may hold commas."""
    pairs: dict[str, str] = {}
    at = colon = bad = 0
    while at < len(line) and len(pairs) < MOST_PAIRS:
        if colon < at or colon == 0:
            colon = line.find(":", at)
        if colon < 0:
            break
        comma = line.rfind(",", at, colon)
        key = line[max(at, comma + 1) : colon].strip()
        value, at, failed = _value(line, colon + 1, bad < MOST_BAD_LISTS)
        bad += failed
        if key:
            pairs[key] = value
    return pairs


def _value(line: str, start: int, lists: bool) -> tuple[str, int, bool]:
    """(value, where the next pair begins, whether something looked like a list and was none)."""
    while start < len(line) and line[start] == " ":
        start += 1
    failed = False
    if line.startswith('"', start) and (quoted := QUOTED.match(line, start)) and _ends(line, quoted.end()):
        return _unquoted(quoted[0]), line.find(",", quoted.end()) + 1 or len(line), False
    if lists and line.startswith(("[", "{"), start):
        try:
            _, end = json.JSONDecoder().raw_decode(line, start)
        except (ValueError, RecursionError):
            failed = True
        else:
            if _ends(line, end):
                return line[start:end], line.find(",", end) + 1 or len(line), False
    comma = line.find(",", start)
    end = len(line) if comma < 0 else comma
    return line[start:end].strip(), end + 1, failed


def _ends(line: str, at: int) -> bool:
    return not (rest := line[at : at + 20].lstrip()) or rest.startswith(",")


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]
