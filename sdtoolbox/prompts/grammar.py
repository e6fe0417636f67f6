r"""The prompt language: text to a tree, in one pass and in linear time, whatever the text.

    (a)  (a:1.2)  [a]          weight times 1.1, times 1.2, divided by 1.1; brackets nest
    [a:b:0.5]  [a:b:8]         a, then b: from half of the steps on, from step 8 on
    [b:0.5]  [a::0.5]          b from then on; a until then
    [a|b|c]                    one after the other, step by step
    BREAK                      a new chunk of tokens
    a AND b :0.5               two prompts whose estimates are added, the second with half the weight
    \( \) \[ \] \\ \: \|       the characters themselves; so are \{ \} \_ \#, which mean something before (`dynamic`)

The language of AUTOMATIC1111's web UI, so that prompts mean here what they mean there. A bracket that nothing closes
acts to the end of the text, one that nothing opened is a character; both are reported as mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

STRONGER = 1.1  # what one pair of round brackets multiplies by, and one of square brackets divides by
TOKEN = re.compile(r"\\.|[()\[\]:|]|\bAND\b|\bBREAK\b|[^\\()\[\]:|AB]+|[AB]|\\", re.DOTALL)
ESCAPED = "()[]\\:|{}_#"
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words, escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """A new chunk of tokens begins here."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Everything inside counts `weight` times as much."""

    inside: Nodes
    weight: float


@dataclass(frozen=True, slots=True)
class Scheduled:
    """`before`, and from `when` on `after`: a share of all steps if `is_share`, else the number of a step."""

    before: Nodes
    after: Nodes
    when: float
    is_share: bool


@dataclass(frozen=True, slots=True)
class Alternating:
    """One of these after the other, step by step."""

    options: tuple[Nodes, ...]


Node: TypeAlias = Text | Break | Weighted | Scheduled | Alternating
Nodes: TypeAlias = tuple[Node, ...]


def inside(node: Weighted | Scheduled | Alternating) -> Nodes:
    """Everything that stands in a bracket, whenever it holds."""
    if isinstance(node, Weighted):
        return node.inside
    if isinstance(node, Scheduled):
        return (*node.before, *node.after)
    return tuple(child for option in node.options for child in option)


@dataclass(frozen=True, slots=True)
class Composed:
    """One of the prompts that AND joins, with its weight."""

    inside: Nodes
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that was probably not meant, and where: characters from the start of the text."""

    position: int
    message: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed prompt: at least one composed part, and what looks wrong in the text."""

    parts: tuple[Composed, ...]
    mistakes: tuple[Mistake, ...]


Segment: TypeAlias = list[Node | list[str]]
"""Nodes that are still being read; text is a list of its pieces, so that joining many costs no more than one."""


class _Group:
    """An open bracket, or the whole text: its parts between `:` and `|`, and where these stood."""

    __slots__ = ("marks", "opener", "position", "segments")

    def __init__(self, opener: str, position: int) -> None:
        self.opener = opener
        self.position = position
        self.segments: list[Segment] = [[]]
        self.marks: list[str] = []

    def add(self, node: Node) -> None:
        """Append to the newest segment; plain text joins the plain text before it."""
        segment = self.segments[-1]
        if not isinstance(node, Text):
            segment.append(node)
        elif segment and isinstance(segment[-1], list):
            segment[-1].append(node.text)
        else:
            segment.append([node.text])

    def split(self, mark: str) -> None:
        """Begin a new segment after a `:` or `|`."""
        self.segments.append([])
        self.marks.append(mark)


def _settled(segment: Segment) -> Nodes:
    return tuple(Text("".join(node)) if isinstance(node, list) else node for node in segment)


def parse(text: str, *, composes: bool = True) -> Tree:
    """The tree of a prompt; never raises: any text means something.

    `composes` False takes AND for a word, as in negative prompts: there is a single part then, of weight 1.
    """
    return _Parser(composes).parse(text)


class _Parser:
    def __init__(self, composes: bool) -> None:
        self.composes = composes
        self.mistakes: list[Mistake] = []
        self.parts: list[Composed] = []
        self.stack = [_Group("", 0)]

    def parse(self, text: str) -> Tree:
        for match in TOKEN.finditer(text):
            self._read(match.group(), match.start())
        self._end_part()
        return Tree(tuple(self.parts), tuple(sorted(self.mistakes, key=lambda mistake: mistake.position)))

    def _read(self, token: str, position: int) -> None:
        group = self.stack[-1]
        if token in "([":
            self.stack.append(_Group(token, position))
        elif token in ")]":
            self._close(token, position)
        elif token in ":|":
            group.split(token)
        elif token == "AND" and self.composes:
            self._end_part()
        elif token == "BREAK":
            group.add(Break())
        elif token[0] == "\\" and len(token) == 2:
            group.add(Text(token[1] if token[1] in ESCAPED else token))
        else:
            group.add(Text(token))

    def _close(self, token: str, position: int) -> None:
        opener = "(" if token == ")" else "["
        if self.stack[-1].opener == opener:
            group = self.stack.pop()
            for node in _round(group, self.mistakes) if opener == "(" else _square(group, self.mistakes):
                self.stack[-1].add(node)
        else:
            self.mistakes.append(Mistake(position, f"nothing opened this {token}"))
            self.stack[-1].add(Text(token))

    def _end_part(self) -> None:
        """The end of the text, or an AND: brackets that are still open act up to here."""
        while len(self.stack) > 1:
            group = self.stack.pop()
            self.mistakes.append(Mistake(group.position, f"nothing closes this {group.opener}"))
            weight = STRONGER if group.opener == "(" else 1 / STRONGER
            inside = _joined(group.segments, group.marks)
            if inside:
                self.stack[-1].add(Weighted(inside, weight))
        group = self.stack[0]
        weight = 1.0
        if (
            self.composes
            and group.marks
            and group.marks[-1] == ":"
            and (found := _number(group.segments[-1])) is not None
        ):
            weight = found
            group.segments.pop()
            group.marks.pop()
        self.parts.append(Composed(_joined(group.segments, group.marks), weight))
        self.stack = [_Group("", 0)]


def _round(group: _Group, mistakes: list[Mistake]) -> Nodes:
    weight, segments, marks = STRONGER, group.segments, group.marks
    if marks and marks[-1] == ":":
        found = _number(segments[-1])
        if found is not None:
            weight, segments, marks = found, segments[:-1], marks[:-1]
        elif _settled(segments[-1]) == ():
            mistakes.append(Mistake(group.position, "the weight after : is missing"))
    inside = _joined(segments, marks)
    return (Weighted(inside, weight),) if inside else ()


def _square(group: _Group, mistakes: list[Mistake]) -> Nodes:
    segments, marks = group.segments, group.marks
    if "|" in marks:
        return (Alternating(_options(segments, marks)),)
    when = _number_text(segments[-1]) if marks else None
    if when is None:
        inside = _joined(segments, marks)
        return (Weighted(inside, 1 / STRONGER),) if inside else ()
    from_to = len(segments) > 2  # [to:when] has nothing before
    before = _settled(segments[0]) if from_to else ()
    after = _joined(segments[1:-1], marks[1:-1]) if from_to else _settled(segments[0])
    is_share = "." in when
    if is_share and not 0 <= float(when) <= 1:
        mistakes.append(Mistake(group.position, f"{when.strip()} is not a share of the steps: use 0.0 to 1.0"))
    return (Scheduled(before, after, float(when), is_share),)


def _options(segments: list[Segment], marks: list[str]) -> tuple[Nodes, ...]:
    options = [(segments[:1], list[str]())]
    for mark, segment in zip(marks, segments[1:], strict=True):
        if mark == "|":
            options.append(([segment], []))
        else:
            options[-1][0].append(segment)
            options[-1][1].append(mark)
    return tuple(_joined(*option) for option in options)


def _joined(segments: list[Segment], marks: list[str]) -> Nodes:
    """Segments whose marks turned out to mean nothing: they are characters again."""
    if not marks:
        return _settled(segments[0])
    whole = _Group("", 0)
    for mark, segment in zip(["", *marks], segments, strict=True):
        if mark:
            whole.add(Text(mark))
        for node in _settled(segment):
            whole.add(node)
    return _settled(whole.segments[0])


def _number_text(segment: Segment) -> str | None:
    nodes = _settled(segment)
    if len(nodes) == 1 and isinstance(nodes[0], Text) and len(nodes[0].text) < 40 and NUMBER.fullmatch(nodes[0].text):
        return nodes[0].text
    return None


def _number(segment: Segment) -> float | None:
    text = _number_text(segment)
    return None if text is None else float(text)
