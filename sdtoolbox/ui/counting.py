"""What stands below a prompt while it is typed: its tokens by chunk, what each weight applies to, what looks wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts import grammar
from sdtoolbox.prompts.choices import Chance
from sdtoolbox.prompts.dynamic import COMMENT, read, without_comments
from sdtoolbox.prompts.layout import lay_out
from sdtoolbox.prompts.plan import Words, plan
from sdtoolbox.prompts.styles import around
from sdtoolbox.prompts.tags import take_tags
from sdtoolbox.prompts.vocabulary import Tokens, clip_tokens, tokens_in
from sdtoolbox.schema.checks import TEXT_LIMIT
from sdtoolbox.tasks.rewriting import Rewriting
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import shelves
from sdtoolbox.ui.i18n import sentence

SIZE = 75  # tokens in a chunk, of every text encoder of CLIP's kind
CLIP_BASES = ("sd1", "sd2", "sdxl", "sdxl_refiner")
MOST = 12  # marks and mistakes that are shown
LONGEST = 40  # characters of the words in a mark
Json = dict[str, Any]


class Asked(BaseModel):
    """What a prompt field asks."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", max_length=TEXT_LIMIT)
    field: str = Field("prompt", max_length=100)
    checkpoint: str = Field("", max_length=500)
    styles: list[str] = Field([], max_length=32)
    steps: float | str | None = None


def counting_functions(toolbox: Toolbox) -> list[Callable[[Any], Json]]:
    """`count({text, field, checkpoint, styles, steps})` for the page, which takes whatever a browser sends.

    It gives `{chunks, size, about, marks, mistakes}`: tokens in each chunk, how many fit into one, whether a choice is
    still open, `{words, kind, value}` of what is weighted or scheduled, `{position, text}` of what looks wrong;
    `chunks` is empty for models whose tokens are not known here.
    """

    def count(asked: Any) -> Json:
        return Count(toolbox, shelves.read(Asked, asked)).answer()

    return [count]


class Count:
    """One answer."""

    def __init__(self, toolbox: Toolbox, asked: Asked) -> None:
        self._toolbox = toolbox
        self._asked = asked
        self._composes = not asked.field.endswith("negative_prompt")
        # Comments become blanks, so that positions stay those of what was typed.
        self._typed = COMMENT.sub(lambda found: " " * len(found[0]), asked.text)
        self._template = read(self._typed)
        self._tree = grammar.parse(self._typed, composes=self._composes)

    def answer(self) -> Json:
        """See `counting_functions`."""
        mistakes = sorted((*self._template.mistakes, *self._tree.mistakes), key=lambda mistake: mistake.position)
        said = [{"position": one.position, "text": sentence(one.message)} for one in mistakes]
        chunks: list[int] = []
        try:
            chunks = self._chunks()
        except UserError as error:
            said.append({"position": None, "text": sentence(str(error))})
        return {
            "chunks": chunks,
            "size": SIZE,
            "about": self._template.is_open,
            "marks": list(self._marks())[:MOST],
            "mistakes": said[:MOST],
        }

    def _chunks(self) -> list[int]:
        """Tokens in each chunk of the wording that has the most."""
        tokens = self._tokens()
        if tokens is None:
            return []
        text = self._asked.text
        for name in self._asked.styles:
            style = self._toolbox.styles.get(name)
            text = around(text, style.prompt if self._composes else style.negative_prompt)
        rewriting = Rewriting(self._toolbox.registries.prompt_syntaxes)
        text = rewriting(without_comments(text), self._asked.field)
        text, _ = take_tags(rewriting.decided(text, Chance("0"), self._toolbox.wildcards, self._asked.field))
        parts = plan(text, self._steps(), self._asked.field, composes=self._composes)
        comma = tokens(",")
        wordings: dict[Words, None] = {stretch.words: None for part in parts for stretch in part.stretches}
        laid = [lay_out(words, lambda said: (tokens(said), ()), SIZE, comma[0]) for words in list(wordings)[:MOST]]
        counts = [[len(chunk.tokens) for chunk in chunks] for chunks in laid]
        return max(counts, key=lambda count: (len(count), sum(count)))

    def _steps(self) -> int:
        steps = self._asked.steps
        return int(steps) if isinstance(steps, float) and 1 <= steps <= 1000 else 20

    def _tokens(self) -> Tokens | None:
        entry = shelves.known(self._toolbox.catalog, self._asked.checkpoint)
        if entry is None or entry.base not in CLIP_BASES:
            return None
        return _tokens_of(entry)

    def _marks(self) -> Iterator[Json]:
        for number, part in enumerate(self._tree.parts):
            if number or part.weight != 1:
                yield _mark(part.inside, "and", part.weight)
            stack: list[tuple[grammar.Node, float]] = [(node, 1.0) for node in reversed(part.inside)]
            while stack:
                node, weight = stack.pop()
                if isinstance(node, grammar.Text) and round(weight, 4) != 1 and node.text.strip():
                    yield _mark((node,), "weight", weight)
                elif isinstance(node, grammar.Break):
                    yield {"words": "", "kind": "break", "value": None}
                elif isinstance(node, grammar.Scheduled):
                    when = round(node.when * 100) if node.is_share else int(min(node.when, 1e6))
                    unit = "%" if node.is_share else ""
                    if node.before:
                        yield _mark(node.before, "until", f"{when}{unit}")
                    if node.after:
                        yield _mark(node.after, "from", f"{when}{unit}")
                    stack.extend((child, weight) for child in reversed((*node.before, *node.after)))
                elif isinstance(node, grammar.Alternating):
                    yield _mark(tuple(grammar.Text(f"{_spoken(option)} | ") for option in node.options), "turns", None)
                elif isinstance(node, grammar.Weighted):
                    stack.extend((child, weight * node.weight) for child in reversed(node.inside))


def _mark(nodes: grammar.Nodes, kind: str, value: float | str | None) -> Json:
    words = " ".join(_spoken(nodes).strip(" |").split())
    short = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
    return {"words": short, "kind": kind, "value": round(value, 3) if isinstance(value, float) else value}


def _spoken(nodes: grammar.Nodes) -> str:
    """The first words of some nodes, whatever they are in."""
    said: list[str] = []
    stack = list(reversed(nodes))
    while stack and sum(map(len, said)) <= 2 * LONGEST:
        node = stack.pop()
        if isinstance(node, grammar.Text):
            said.append(node.text[: 2 * LONGEST])
        elif not isinstance(node, grammar.Break):
            stack.extend(reversed(grammar.inside(node)))
    return "".join(said)


def _tokens_of(entry: CatalogEntry) -> Tokens | None:
    if entry.layout != "diffusers":
        return clip_tokens()
    place = "tokenizer_2" if entry.base == "sdxl_refiner" else "tokenizer"
    try:
        return _tokens_in(entry.path / place, entry.mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=4)
def _tokens_in(folder: Path, _version: int) -> Tokens:
    return tokens_in(folder)
