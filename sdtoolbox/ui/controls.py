"""One control a field of a request: which one, its words and its bounds all follow from the schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.extensions import Registries
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.requests import Request, bounds_of, control_of
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.pieces import script, template

Choices = Sequence[tuple[str, str]]
"""What a choice offers: (what people see, the id) in order."""


def element_id(request: type[Request], name: str) -> str:
    """The id in the page of a field's control: problems are placed by it, and scripts find each other's fields."""
    shared = control_of(request, name).choices == "checkpoints"  # stands once, in the header
    return "sd-checkpoint" if shared else f"{request.task}-{name}"


def label_of(request: type[Request], name: str, texts: Texts) -> str:
    """What the field is called in this language."""
    return texts.get(f"field.{name}.label", control_of(request, name).label)


def help_of(request: type[Request], name: str, texts: Texts) -> str:
    """What the field does, in a sentence of this language."""
    return texts.get(f"field.{name}.help", request.model_fields[name].description or "")


def build_control(request: type[Request], name: str, texts: Texts, registries: Registries) -> Component:
    """The component of one field; must be called inside a Blocks."""
    return _BUILDERS[control_of(request, name).kind](request, name, texts, registries)


def _prompt(request: type[Request], name: str, texts: Texts, _registries: Registries) -> Component:
    return gr.Textbox(
        label=label_of(request, name, texts),
        info=help_of(request, name, texts),
        placeholder=texts.get(f"field.{name}.placeholder", ""),
        lines=3 if name == "prompt" else 2,
        max_lines=12,
        elem_id=element_id(request, name),
        elem_classes=["sd-block", "sd-prompt"],
    )


def _choice(request: type[Request], name: str, texts: Texts, registries: Registries) -> Component:
    entries = [(entry.label, entry.id) for entry in registries.named(control_of(request, name).choices)]
    return choice(request, name, texts, entries)


def choice(request: type[Request], name: str, texts: Texts, choices: Choices, **options: Any) -> gr.Dropdown:
    """A list to choose from that can be searched by typing."""
    return gr.Dropdown(
        choices=list(choices),
        value=choices[0][1] if choices else None,
        label=label_of(request, name, texts),
        info=help_of(request, name, texts),
        elem_id=element_id(request, name),
        elem_classes=["sd-block", "sd-choice"],
        **options,
    )


def _number(request: type[Request], name: str, texts: Texts, _registries: Registries) -> Component:
    control = control_of(request, name)
    low, high = bounds_of(request, name)
    identity = element_id(request, name)
    # What the checkpoint proposes is tried out on a slider; a plain count needs less room.
    extra = {"seed": template("dice", texts), "slider": "" if _is_count(request, name) else _slider(control, low, high)}
    return gr.HTML(
        value=request.model_fields[name].default,
        html_template=template("number", texts),
        js_on_load=script("number"),
        apply_default_css=False,
        elem_id=identity,
        elem_classes=["sd-block", "sd-count"] if _is_count(request, name) else ["sd-block"],
        kind=control.kind,
        input_id=escape(f"{identity}-input"),
        field_label=escape(label_of(request, name, texts)),
        help=escape(help_of(request, name, texts)),
        unit=escape(control.unit),
        minimum=low,
        maximum=high,
        step=control.step,
        extra=extra.get(control.kind, ""),
    )


def _is_count(request: type[Request], name: str) -> bool:
    return control_of(request, name).kind == "slider" and request.model_fields[name].default is not None


def _flag(request: type[Request], name: str, texts: Texts, _registries: Registries) -> Component:
    return gr.Checkbox(
        value=bool(request.model_fields[name].default),
        label=label_of(request, name, texts),
        info=help_of(request, name, texts),
        elem_id=element_id(request, name),
        elem_classes=["sd-block"],
    )


def _slider(control: Control, low: float | None, high: float | None) -> str:
    end = control.slider_maximum or high
    return (
        f'<input class="sd-range" type="range" min="{low}" max="{end}" step="{control.step}" tabindex="-1" '
        f'aria-hidden="true">'
    )


_BUILDERS: dict[str, Callable[[type[Request], str, Texts, Registries], Component]] = {
    "prompt": _prompt,
    "choice": _choice,
    "slider": _number,
    "number": _number,
    "seed": _number,
    "size": _number,
    "flag": _flag,
}
