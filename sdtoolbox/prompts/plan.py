"""What a prompt asks for at each step: weighted words in chunks, for each of the prompts that AND joins."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.grammar import (
    Alternating,
    Break,
    Composed,
    Node,
    Nodes,
    Scheduled,
    Text,
    Weighted,
    inside,
    parse,
)

LARGEST_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Span:
    """Some words and how much they count."""

    text: str
    weight: float = 1.0


Words = tuple[tuple[Span, ...], ...]
"""What the text encoder is to read: spans, in the groups that BREAK separates; at least one group."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps from `first` (from 0) to before `end`, in which the words stay the same."""

    first: int
    end: int
    words: Words


@dataclass(frozen=True, slots=True)
class Part:
    """One of the prompts that AND joins: its weight, and its words over the steps without a gap."""

    weight: float
    stretches: tuple[Stretch, ...]

    def at(self, step: int) -> Words:
        """The words of a step; those of the last one after the end."""
        return next((s.words for s in self.stretches if step < s.end), self.stretches[-1].words)


def plan(text: str, steps: int, field: str = "prompt", *, composes: bool = True) -> tuple[Part, ...]:
    """What `text` asks for in each of `steps` steps: one part a prompt that AND joins, in their order.

    `composes` False is for negative prompts: AND is a word there, and there is one part. UserError PARAM_INVALID at
    `field` where a weight is larger than LARGEST_WEIGHT; any other text has a plan.
    """
    return tuple(_part(composed, steps, field) for composed in parse(text, composes=composes).parts)


def check(text: str, field: str = "prompt", *, composes: bool = True) -> None:
    """The error that `plan` would raise for some step, if any, in one pass whatever the number of steps."""
    for composed in parse(text, composes=composes).parts:
        _check_weight(composed.weight, "AND", field)
        stack: list[tuple[Node, float]] = [(node, 1.0) for node in composed.inside]
        while stack:
            node, weight = stack.pop()
            if isinstance(node, Text):
                _check_weight(weight, node.text, field)
            elif not isinstance(node, Break):
                factor = node.weight if isinstance(node, Weighted) else 1.0
                stack.extend((child, weight * factor) for child in inside(node))


def plain(text: str) -> Words:
    """The text as it stands: a single span without a meaning for brackets."""
    return ((Span(text),),)


def spoken(words: Words) -> str:
    """The words alone, without weights."""
    return " ".join(span.text for group in words for span in group)


def _part(composed: Composed, steps: int, field: str) -> Part:
    _check_weight(composed.weight, "AND", field)
    stretches: list[Stretch] = []
    changes = sorted({0, steps, *_changes(composed.inside, steps)})
    for first, end in pairwise(changes):
        words = _words(composed.inside, first, steps, field)
        if stretches and stretches[-1].words == words:
            first = stretches.pop().first
        stretches.append(Stretch(first, end, words))
    return Part(composed.weight, tuple(stretches))


def _changes(sequence: Nodes, steps: int) -> Iterator[int]:
    """The steps at which something may change."""
    stack: list[Node] = list(sequence)
    while stack:
        node = stack.pop()
        if isinstance(node, Scheduled):
            yield min(max(_switch(node, steps), 0), steps)
        elif isinstance(node, Alternating):
            yield from range(steps)
        if not isinstance(node, Text | Break):
            stack.extend(inside(node))


def _switch(node: Scheduled, steps: int) -> int:
    """The first step, from 0, that has `after`: step 8 is the ninth one, as its number is how many come before."""
    return min(int(node.when * steps) if node.is_share else int(min(node.when, steps)), steps)


def _words(sequence: Nodes, step: int, steps: int, field: str) -> Words:
    groups: list[list[Span]] = [[]]
    stack: list[tuple[Node, float]] = [(node, 1.0) for node in reversed(sequence)]
    while stack:
        node, weight = stack.pop()
        if isinstance(node, Break):
            groups.append([])
        elif isinstance(node, Text):
            _say(groups[-1], node.text, weight, field)
        else:
            chosen = _chosen(node, step, steps)
            factor = node.weight if isinstance(node, Weighted) else 1.0
            stack.extend((child, weight * factor) for child in reversed(chosen))
    return tuple(tuple(group) for group in groups)


def _chosen(node: Weighted | Scheduled | Alternating, step: int, steps: int) -> Nodes:
    if isinstance(node, Weighted):
        return node.inside
    if isinstance(node, Scheduled):
        return node.after if step >= _switch(node, steps) else node.before
    return node.options[step % len(node.options)]


def _say(group: list[Span], text: str, weight: float, field: str) -> None:
    _check_weight(weight, text, field)
    if group and group[-1].weight == weight:
        group[-1] = Span(group[-1].text + text, weight)
    elif text:
        group.append(Span(text, weight))


def _check_weight(weight: float, text: str, field: str) -> None:
    if math.isfinite(weight) and abs(weight) <= LARGEST_WEIGHT:
        return
    raise UserError(
        "PARAM_INVALID",
        f"{field}: the weight of {text.strip()[:40]!r} is {weight:.3g}.",
        f"Allowed is -{LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g}: take some brackets away.",
        field,
    )
