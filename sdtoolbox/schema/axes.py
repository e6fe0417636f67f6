"""The values of a plot's axis, written as people write them: `1-10 (+3)`, `0-1 [5]`, `"a, b", c`, also mixed.

    axis  = item ("," item)*
    item  = number | number "-" number | number "-" number "(" step ")" | number "-" number "[" count "]" | text

Ranges take both ends in; a range with a step ends at the last value within. Text with commas, quotes or line breaks
stands in double quotes, a quote inside it is doubled. A line break separates as a comma does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Literal

Scalar = bool | int | float | str
Kind = Literal["whole", "real", "flag", "text"]

MOST_VALUES = 1000
NUMBER = r"[+-]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(
    rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*(?:\(\s*({NUMBER})\s*\)|\[\s*(\d+)\s*\])?\s*",
)
LONGEST_NUMBER = 40
FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class AxisError(ValueError):
    """What is wrong with the text of an axis, and `at` which character, from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def parse_axis(text: str, kind: Kind) -> list[Scalar]:
    """The values of an axis in order; AxisError names the place of a mistake, or says that there are too many."""
    values: list[Scalar] = []
    for item, quoted, at in split_items(text):
        if kind == "text":
            values.append(item)
        elif kind == "flag":
            values.append(_flag(item, at))
        elif quoted:
            raise AxisError(f"{item[:40]!r} is not a number.", at)
        else:
            values += _numbers(item, at, kind == "whole", MOST_VALUES - len(values))
        if len(values) > MOST_VALUES:
            raise AxisError(f"these are more than {MOST_VALUES} values.", at)
    if not values:
        raise AxisError("there are no values.", 0)
    return values


def split_items(text: str) -> Iterator[tuple[str, bool, int]]:
    """(item, whether it stood in quotes, where it begins) for each item that is not empty; quoted ones may be."""
    at = 0
    while at < len(text):
        start = at
        while start < len(text) and text[start] in " \t":
            start += 1
        if text[start : start + 1] == '"':
            item, at = _quoted(text, start)
            yield item, True, start
            continue
        end = start
        while end < len(text) and text[end] not in ",\n":
            end += 1
        if item := text[start:end].strip():
            yield item, False, start
        at = end + 1


def _quoted(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    at = start + 1
    while True:
        end = text.find('"', at)
        if end < 0:
            raise AxisError("a quote is not closed.", start)
        parts.append(text[at:end])
        at = end + 1
        if text[at : at + 1] != '"':
            break
        parts.append('"')
        at += 1
    while at < len(text) and text[at] in " \t":
        at += 1
    if at < len(text) and text[at] not in ",\n":
        raise AxisError("a comma is missing behind the quote.", at)
    return "".join(parts), at + 1


def _flag(item: str, at: int) -> bool:
    if (value := FLAGS.get(item.casefold())) is None:
        raise AxisError(f"{item[:40]!r} is neither true nor false.", at)
    return value


def _numbers(item: str, at: int, whole: bool, room: int) -> list[Scalar]:
    found = RANGE.fullmatch(item) if len(item) <= 4 * LONGEST_NUMBER else None
    if found is None:
        return [_plain(_decimal(item, at), item, at, whole)]
    low, high = _decimal(found[1], at), _decimal(found[2], at)
    if found[4] is not None:
        count = int(found[4][:9])
        _check_room(count, room, at)
        values = [low + (high - low) * i / max(1, count - 1) for i in range(count)]
        # So many whole numbers may not lie evenly: the nearest are taken.
        return [int(value.to_integral_value()) if whole else _shortest(value) for value in values]
    step = _decimal(found[3], at) if found[3] is not None else Decimal(1 if low <= high else -1)
    if step == 0 or (high - low) * step < 0:
        raise AxisError(f"steps of {found[3]} do not lead from {found[1]} to {found[2]}.", at)
    count = int((high - low) / step) + 1
    _check_room(count, room, at)
    return [_plain(low + step * i, item, at, whole) for i in range(count)]


def _check_room(count: int, room: int, at: int) -> None:
    if count < 1:
        raise AxisError("a range needs at least one value.", at)
    if count > room:
        raise AxisError(f"these are more than {MOST_VALUES} values.", at)


def _decimal(text: str, at: int) -> Decimal:
    try:
        value = Decimal(text.replace(" ", "")) if len(text) <= LONGEST_NUMBER else Decimal("nan")
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or abs(value) > Decimal("1e18"):
        raise AxisError(f"{text[:40]!r} is not a number.", at)
    return value


def _plain(value: Decimal, item: str, at: int, whole: bool) -> Scalar:
    if not whole:
        return _shortest(value)
    if value != value.to_integral_value():
        raise AxisError(f"{item[:40]!r} is not whole.", at)
    return int(value)


def _shortest(value: Decimal) -> float:
    return round(float(value), 9)
