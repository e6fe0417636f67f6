"""Prompt syntaxes of extensions: what was typed in one becomes words that everybody knows, before it is stored."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.choices import Decide
from sdtoolbox.prompts.dynamic import expand, read, without_comments
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.registered import PromptSyntaxInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.checks import Text
from sdtoolbox.schema.requests import Request, prompt_fields

log = logging.getLogger(__name__)
MOST_ROUNDS = 8
"""What a syntax makes of a wildcard's line may name another wildcard, and so on; this often."""
TEXT: TypeAdapter[str] = TypeAdapter(Text)


class Rewriting:
    """The registered prompt syntaxes, one after the other.

    What comes out is a fixed point of each, so that it can be rewritten again, or without any of them, and stays.
    """

    def __init__(self, syntaxes: Iterable[Entry[PromptSyntaxInfo]]) -> None:
        self._syntaxes = list(syntaxes)

    def __call__(self, text: str, field: str) -> str:
        """The rewritten text; EXTENSION_FAILED at `field`, with the syntax's name, if one raises or gives no text.

        The same if one of them would change it a second time.
        """
        for entry in self._syntaxes:
            text = _rewritten(entry, text, field)
        self.check(text, field)
        return text

    def apply(self, request: Request, values: dict[str, Any], problems: list[UserError]) -> None:
        """Rewrite the prompts in `values`, without comments; add to `problems`.

        Once: after a mistake nothing is rewritten any more.
        """
        for name in prompt_fields(type(request)) if self._syntaxes else ():
            try:
                values[name] = self(without_comments(values[name]), name)
            except UserError as error:
                problems.append(error)
                self._syntaxes = []
                return

    def check(self, text: str, field: str) -> None:
        """EXTENSION_FAILED if a syntax would change what is to be stored."""
        for entry in self._syntaxes:
            if (again := _rewritten(entry, text, field)) != text:
                raise _failed(entry, f"changes what was rewritten already, {_differing(text, again)}", field)

    def decided(self, text: str, decide: Decide, wildcards: Wildcards, field: str) -> str:
        """The text with everything decided, as `dynamic.expand`, and what came out of wildcards rewritten too."""
        for _ in range(MOST_ROUNDS):
            text = expand(text, decide, wildcards, field)
            if not self._syntaxes:
                return text
            text = without_comments(self(text, field))
            if not read(text).is_open:
                return text
        raise _failed(self._syntaxes[-1], "leaves something open, however often it is decided", field)


def _rewritten(entry: Entry[PromptSyntaxInfo], text: str, field: str) -> str:
    try:
        found = entry.value.function(text)
    except UserError:
        raise
    except Exception as error:  # an author's mistake is a refusal in words, at any door
        log.warning("the prompt syntax %s of %s failed", entry.label, entry.owner, exc_info=True)
        said = f"raised {type(error).__name__}: {error}".strip(": ")[:300]
        raise _failed(entry, said, field) from None
    if not isinstance(found, str):
        raise _failed(entry, f"gave {type(found).__name__} instead of text", field)
    try:
        return TEXT.validate_python(found)
    except ValidationError as error:
        raise _failed(entry, f"gave text that none may be: {error.errors()[0]['msg']}", field) from None


def _failed(entry: Entry[PromptSyntaxInfo], said: str, field: str) -> UserError:
    return UserError(
        "EXTENSION_FAILED",
        f"the prompt syntax {entry.label} of {entry.owner} {said}.",
        "Write the prompt without it, or switch the extension off; tell its author.",
        field,
    )


def _differing(before: str, after: str) -> str:
    """The first difference, with a little of what stands around it: "'… a smile' to '… a smiley'"."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start = max(0, at - 10)
    return f"{before[start : at + 20]!r} to {after[start : at + 20]!r}"
