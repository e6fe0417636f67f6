"""What a field is called in the page: its id there, its label and its help in a language."""

from __future__ import annotations

from typing import Any

from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.ui.i18n import Texts


def element_id(request: type[Request], name: str) -> str:
    """The id in the page of a field's control: problems are placed by it, and scripts find each other's fields."""
    shared = name == "checkpoint"  # stands once, in the header
    return "sd-checkpoint" if shared else f"{request.task}-{name}"


def label_of(request: type[Request], name: str, texts: Texts) -> str:
    """What the field is called in this language."""
    return worded(request, name, texts, "label", control_of(request, name).label)


def help_of(request: type[Request], name: str, texts: Texts) -> str:
    """What the field does, in a sentence of this language."""
    return worded(request, name, texts, "help", request.model_fields[name].description or "")


def worded(request: type[Request], name: str, texts: Texts, part: str, default: str) -> str:
    """One text of a field; `default` where this language has none. In one task it may mean something else."""
    return texts.get(f"field.{request.task}.{name}.{part}", texts.get(f"field.{name}.{part}", default))


def choice_label(entry: Entry[Any], shelf: str, texts: Texts) -> str:
    """What a registered choice is called in this language; most of them have names that are the same in all."""
    return texts.get(f"choice.{shelf}.{entry.id}", entry.label)
