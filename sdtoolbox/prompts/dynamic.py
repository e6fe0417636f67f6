r"""Dynamic prompts: what a prompt leaves open is decided, before the prompt language itself is read.

    # a line that begins so     is left out; so is the rest of a line after " # "
    {a|b|c}                     one of them; braces nest
    {3::a|b}                    a three times as often as b
    {2$$a|b|c}  {1-2$$a|b|c}    two of them, one or two of them, with ", " between
    {2$$ and $$a|b|c}           with " and " between
    __name__  __animals/*__     a line of the wildcard file, or of all that match
    \{ \} \_ \#                 the characters themselves

As in the Dynamic Prompts extension of A1111's web UI. What comes out has nothing left to decide: a second time it
stays as it is. Any text is read, in linear time: a brace without its other half is a character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.choices import Decide
from sdtoolbox.prompts.grammar import Mistake
from sdtoolbox.prompts.wildcards import Wildcards

LONGEST = 100_000  # characters of a prompt
MOST_PIECES = 200_000  # wildcards that name wildcards can grow without end, and without a character
COMMENT = re.compile(r"^[ \t]*#[^\n]*(?:\n|\Z)|[ \t]+#(?=\s|\Z)[^\n]*", re.MULTILINE)
WILDCARD = r"__[\w\-./*]*?[\w*]__"
TOKEN = re.compile(rf"\\.|{WILDCARD}|[{{}}|\[\]]|[^\\{{}}|\[\]_]+|[_\\]", re.DOTALL)
SETTLE = re.compile(rf"\\.|({WILDCARD})", re.DOTALL)
AMOUNT = re.compile(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*\$\$")
JOINER = re.compile(r"([^$]{0,100})\$\$")
WEIGHT = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?)::")


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A line of a file."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """From `low` to `high` of the options, with `joiner` between them."""

    options: tuple[Nodes, ...]
    weights: tuple[float, ...]
    low: int = 1
    high: int = 1
    joiner: str = ", "


@dataclass(frozen=True, slots=True)
class _End:
    """The end of what a wildcard stands for."""


Node: TypeAlias = str | Wildcard | Choice | _End
Nodes: TypeAlias = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with what it leaves open, and what looks wrong in it."""

    nodes: Nodes
    mistakes: tuple[Mistake, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything is left to decide."""
        return any(not isinstance(node, str) for node in self.nodes)


@dataclass(slots=True)
class _Group:
    position: int
    options: list[list[Node]] = field(default_factory=lambda: [[]])
    squares: int = 0  # square brackets that are open in this option: `|` belongs to them


def without_comments(text: str) -> str:
    """The text as it counts."""
    return COMMENT.sub("", text) if "#" in text else text


def read(text: str) -> Template:
    """The template of a text without comments; never raises."""
    stack, mistakes = [_Group(0)], []
    for match in TOKEN.finditer(text):
        token, group = match.group(), stack[-1]
        if token == "{":
            stack.append(_Group(match.start()))
        elif token == "}" and len(stack) > 1:
            choice = _choice(stack.pop())
            stack[-1].options[-1].append(choice)
        elif token == "|" and len(stack) > 1 and not group.squares:
            group.options.append([])
        elif token.startswith("__"):
            group.options[-1].append(Wildcard(token[2:-2]))
        else:
            if token == "}":
                mistakes.append(Mistake(match.start(), "nothing opened this }"))
            group.squares = max(0, group.squares + {"[": 1, "]": -1}.get(token, 0))
            group.options[-1].append(token if token not in "{}" else f"\\{token}")
    nodes = stack[0].options[0]
    for group in stack[1:]:  # an open brace is a character
        mistakes.append(Mistake(group.position, "nothing closes this {"))
        nodes.append("\\{")
        for number, option in enumerate(group.options):
            nodes += ["|", *option] if number else option
    return Template(tuple(nodes), tuple(sorted(mistakes, key=lambda mistake: mistake.position)))


def _choice(group: _Group) -> Choice:
    low = high = 1
    joiner = ", "
    options = group.options
    if amount := _taken(options[0], AMOUNT):
        low, high = int(amount[1]), int(amount[2] or amount[1])
        if said := _taken(options[0], JOINER):
            joiner = said[1]
    weights = [_taken(option, WEIGHT) for option in options]
    low, high = min(low, high, len(options)), min(max(low, high), len(options))
    return Choice(
        tuple(tuple(option) for option in options),
        tuple(1.0 if weight is None else float(weight[1]) for weight in weights),
        low,
        high,
        joiner,
    )


def _taken(option: list[Node], pattern: re.Pattern[str]) -> re.Match[str] | None:
    """What an option begins with, taken away from it."""
    if not option or not isinstance(option[0], str) or not (found := pattern.match(option[0])):
        return None
    option[0] = option[0][found.end() :]
    return found


def expand(text: str, decide: Decide, wildcards: Wildcards, field: str = "prompt") -> str:
    """The text with everything decided and without comments; UserError PARAM_INVALID at `field`.

    An error where a wildcard is missing or leads back to itself, or where the result is longer than LONGEST.
    """
    text = without_comments(text)
    template = read(text)
    if not template.is_open:
        return text
    wildcards = wildcards.glance()
    said: list[str] = []
    length = pieces = 0
    inside: list[str] = []  # the wildcards whose lines are being read
    stack: list[Node] = list(reversed(template.nodes))
    while stack:
        node = stack.pop()
        pieces += 1
        if isinstance(node, str):
            said.append(node)
            length += len(node)
        elif isinstance(node, _End):
            inside.pop()
        elif isinstance(node, Choice):
            stack.extend(reversed(_decided(node, decide)))
        else:
            if node.name in inside:
                raise _circle([*inside[inside.index(node.name) :], node.name], field)
            inside.append(node.name)
            stack.extend((_End(), *reversed(_line(node.name, decide, wildcards, field))))
        if length > LONGEST or pieces > MOST_PIECES:
            raise UserError("PARAM_INVALID", f"{field} grows too long.", f"At most {LONGEST} characters.", field)
    return _settled("".join(said))


def _decided(choice: Choice, decide: Decide) -> list[Node]:
    amounts = range(choice.low, choice.high + 1)
    amount = amounts[decide([1.0] * len(amounts), 1)[0]] if len(amounts) > 1 else choice.low
    decided: list[Node] = []
    places = decide(choice.weights, amount) if len(choice.options) > 1 else list(range(amount))
    for number, place in enumerate(places):
        decided += [choice.joiner] if number else []
        decided += choice.options[place]
    return decided


def _line(name: str, decide: Decide, wildcards: Wildcards, field: str) -> Nodes:
    lines = wildcards.values(name, field)
    weights = [float(found[1]) if (found := WEIGHT.match(line)) else 1.0 for line in lines]
    line = lines[decide(weights, 1)[0]]
    return read(WEIGHT.sub("", line, count=1) if WEIGHT.match(line) else line).nodes


def _settled(text: str) -> str:
    """Pieces that came to stand side by side and would mean something now are characters."""
    text = SETTLE.sub(lambda found: f"\\{found[0]}" if found[1] else found[0], text)
    return COMMENT.sub(lambda found: found[0].replace("#", "\\#", 1), text)


def _circle(names: list[str], field: str) -> UserError:
    way = " → ".join(f"__{name[:40]}__" for name in names[:8])
    return UserError(
        "PARAM_INVALID", f"{field}: wildcards lead in a circle: {way}.", "Correct one of the files.", field
    )
