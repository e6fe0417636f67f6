"""What every prompt syntax promises: text for text, and no change the second time."""

from __future__ import annotations

from collections.abc import Mapping

from sdtoolbox.errors import UserError
from sdtoolbox.registered import PromptSyntaxInfo
from sdtoolbox.registry import Entry
from sdtoolbox.tasks.rewriting import Rewriting
from sdtoolbox.testing.check import Look, PromiseError

SAMPLES = (
    "",
    "a big red house in a meadow",
    "a (red:1.2) [old] house, ((sharp))",
    "a [red|blue] [house:castle:0.5] AND a tree :0.8",
    "{red|blue} __animal__ <lora:mine:0.7> BREAK snow",
    "ein Haus, 一座房子, 🏠 :) ;-) $5 #1 @home <3",
    'line one\nline two, "quoted", back\\slash \\(round\\)',
)


def rewrites(entry: Entry[PromptSyntaxInfo]) -> str:
    """Text comes out, whatever goes in, and what came out stays as it is."""
    changed = 0
    for text in SAMPLES:
        try:
            changed += Rewriting([entry])(text, "prompt") != text
        except UserError as error:
            raise PromiseError(f"of {text!r}: {error}") from None
    return f"changes {changed} of {len(SAMPLES)} prompts"


LOOKS: Mapping[str, Look] = {"rewrites": rewrites}
