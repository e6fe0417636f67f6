"""One control a field of a request: which one, its words and its bounds all follow from the schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.models.entries import SHELVES
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.options import Option
from sdtoolbox.schema.requests import Request, bounds_of, control_of, picture_fields
from sdtoolbox.tasks.choosing import enlarging_networks
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.naming import choice_label, element_id, help_of, label_of, worded
from sdtoolbox.ui.picture_input import picture_piece
from sdtoolbox.ui.pieces import template
from sdtoolbox.ui.plots import counting, varied_fields
from sdtoolbox.ui.restorer_shelf import RestorerShelf
from sdtoolbox.ui.scripts import call
from sdtoolbox.ui.shelves import shelf_functions
from sdtoolbox.ui.steer_shelf import steer_functions
from sdtoolbox.ui.style_shelf import style_functions


def build_control(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """The component of one field; must be called inside a Blocks."""
    return _BUILDERS[control_of(request, name).kind](request, name, texts, toolbox)


def _prompt(request: type[Request], name: str, texts: Texts, _toolbox: Toolbox) -> Component:
    return gr.Textbox(
        label=label_of(request, name, texts),
        info=help_of(request, name, texts),
        placeholder=worded(request, name, texts, "placeholder", ""),
        lines=3 if name == "prompt" else 2,
        max_lines=12,
        elem_id=element_id(request, name),
        elem_classes=["sd-block", "sd-prompt"],
    )


def _choice(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    shelf = control_of(request, name).choices
    if shelf in SHELVES:
        return _picker(request, name, texts, toolbox)
    registered = toolbox.registries.named(shelf) if shelf else ()
    choices = [*_fixed(request, name, texts), *((choice_label(entry, shelf, texts), entry.id) for entry in registered)]
    if shelf == "upscalers":
        networks = enlarging_networks(toolbox.catalog)
        choices += [(texts.get(f"choice.restorers.{one.name}", one.name), one.id) for one in networks]
    if control_of(request, name).same:
        choices = [(texts("form.same"), ""), *choices]
    default = request.model_fields[name].default
    return gr.Dropdown(
        choices=choices,
        value=default if default is not None else choices[0][1] if choices else None,
        label=label_of(request, name, texts),
        info=help_of(request, name, texts),
        elem_id=element_id(request, name),
        elem_classes=["sd-block", "sd-choice"],
    )


def _picture(request: type[Request], name: str, texts: Texts, _toolbox: Toolbox) -> Component:
    """A picture or a mask: what the server keeps under the id that is the value."""
    return picture_piece(
        texts,
        kind=control_of(request, name).kind,
        moving=control_of(request, name).moving,
        task=request.task,
        field_id=element_id(request, name),
        # What is masked is drawn anew anyway, and what is measured and cleaned is the picture as it is.
        extra="" if len(picture_fields(request)) > 1 else template("sketch", texts),
        **_words(request, name, texts),
    )


def _mask(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """The editor of a mask over the picture of the same form; the value is the mask's id."""
    selectors = [
        {
            "id": entry.id,
            "label": texts.get(f"selector.{entry.id}", entry.label),
            "help": texts.get(f"selector.{entry.id}.help", entry.value.help),
            "options": [_option(one, texts) for one in entry.value.options.values()],
        }
        for entry in toolbox.registries.selectors
    ]
    return gr.HTML(
        value=None,
        html_template=template("mask", texts),
        **call("mask", texts, selectors),
        task=request.task,
        picture_id=element_id(request, next(iter(picture_fields(request)))),
        **_words(request, name, texts),
    )


def _fixed(request: type[Request], name: str, texts: Texts) -> list[tuple[str, str]]:
    return [(texts.get(f"choice.{name}.{value}", label), value) for value, label in control_of(request, name).options]


def _picker(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """A list of models that is searched on the server as one types; the value is an id."""
    shelf = control_of(request, name).choices
    return gr.HTML(
        value=None,
        html_template=template("picker", texts),
        **call("picker", texts),
        server_functions=shelf_functions(toolbox.catalog, texts, shelf),
        # What stands there when nothing is chosen; a checkpoint is chosen always.
        nothing=texts(_nothing(request, name)),
        optional=name != "checkpoint",
        **_words(request, name, texts),
    )


def _restorer(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """What enlarges a picture: registered, or a network; the value is an id."""
    second = control_of(request, name).group != ""
    describe = partial(_option, texts=texts)
    shelf = RestorerShelf(toolbox, texts, describe, enlarging=True, priors=not second)
    return gr.HTML(
        value=None,
        html_template=template("picker", texts),
        **call("picker", texts),
        server_functions=shelf.functions(),
        nothing=texts("picker.no_second" if second else "picker.automatic"),
        optional=True,
        **_words(request, name, texts),
    )


def _stages(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """What is done to a picture, one after another; the value is a list of stages as requests have them."""
    shelf = RestorerShelf(toolbox, texts, partial(_option, texts=texts), enlarging=False)
    return gr.HTML(
        value=[],
        html_template=template("stages", texts),
        **call("stages", texts),
        server_functions=shelf.functions(),
        kind="stages",
        of="restorer",
        none_label=escape(texts("stages.automatic")),
        add_label=escape(texts("stages.add")),
        task=request.task,
        **_words(request, name, texts),
    )


def _steers(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """What bends a drawing, one around the other; the value is a list of steers as requests have them."""
    return gr.HTML(
        value=[],
        html_template=template("stages", texts),
        **call("stages", texts),
        server_functions=steer_functions(toolbox, texts, partial(_option, texts=texts)),
        kind="steers",
        of="steer",
        none_label=escape(texts("steers.none")),
        add_label=escape(texts("steers.add")),
        task=request.task,
        **_words(request, name, texts),
    )


def _nothing(request: type[Request], name: str) -> str:
    if name == "checkpoint":
        return "form.no_checkpoint"
    if control_of(request, name).of:
        return "form.same"
    return {"checkpoints": "picker.no_model", "erasers": "picker.no_network"}.get(
        control_of(request, name).choices, "picker.own"
    )


def _options(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    """The options of whatever is chosen in another list; the value has those that were changed."""
    shelf = control_of(request, name).choices
    registry, of = toolbox.registries.named(shelf), shelf.removesuffix("s")
    known = {entry.id: [_option(one, texts) for one in entry.value.options.values()] for entry in registry}
    return gr.HTML(
        value={},
        html_template=template("options", texts),
        **call("options", texts, known),
        task=request.task,
        of=of,
        chosen=request.model_fields[of].default or next(iter(registry.ids()), ""),
        **_words(request, name, texts),
    )


def _option(option: Option, texts: Texts) -> dict[str, Any]:
    choices = ("false", "true") if isinstance(option.default, bool) else option.choices
    return asdict(option) | {"label": texts.get(f"option.{option.name}", option.name), "choices": choices}


def _plot(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    varied = varied_fields(request, texts, toolbox, lambda field: label_of(request, field, texts))
    return gr.HTML(
        value=None,
        html_template=template("plot", texts),
        **call("plot", texts, varied),
        server_functions=[counting(toolbox, request, texts)],
        task=request.task,
        **_words(request, name, texts),
    )


def _adapters(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    return gr.HTML(
        value=[],
        html_template=template("adapters", texts),
        **call("adapters", texts),
        server_functions=shelf_functions(toolbox.catalog, texts, control_of(request, name).choices),
        prompt_id=f"{request.task}-prompt",
        **_words(request, name, texts),
    )


def _styles(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> Component:
    return gr.HTML(
        value=[],
        html_template=template("styles", texts),
        **call("styles", texts),
        server_functions=style_functions(request, toolbox, texts),
        **_words(request, name, texts),
    )


def _words(request: type[Request], name: str, texts: Texts) -> dict[str, Any]:
    """What all our own controls have in common: how they are called, in the page and by people."""
    identity = element_id(request, name)
    return {
        "apply_default_css": False,
        "elem_id": identity,
        "elem_classes": ["sd-block"],
        "input_id": escape(f"{identity}-input"),
        "field_label": escape(label_of(request, name, texts)),
        "help": escape(help_of(request, name, texts)),
    }


def _number(request: type[Request], name: str, texts: Texts, _toolbox: Toolbox) -> Component:
    control = control_of(request, name)
    low, high = bounds_of(request, name)
    # What the checkpoint proposes is tried out on a slider; a plain count needs less room.
    extra = {"seed": template("dice", texts), "slider": "" if _is_count(request, name) else _slider(control, low, high)}
    words = _words(request, name, texts)
    if _is_count(request, name):
        words["elem_classes"] = ["sd-block", "sd-count"]
    return gr.HTML(
        value=request.model_fields[name].default,
        html_template=template("number", texts),
        **call("number", texts),
        kind=control.kind,
        placeholder=escape(_placeholder(request, name, texts)),
        unit=escape(worded(request, name, texts, "unit", control.unit)),
        minimum=low,
        maximum=high,
        step=control.step,
        extra=extra.get(control.kind, ""),
        **words,
    )


def _is_count(request: type[Request], name: str) -> bool:
    control = control_of(request, name)
    chosen = request.model_fields[name].default is not None
    return control.kind == "slider" and not control.group and control.step == 1 and chosen


def _placeholder(request: type[Request], name: str, texts: Texts) -> str:
    """What an empty number means."""
    as_picture = control_of(request, name).kind == "size" and picture_fields(request)
    return worded(request, name, texts, "placeholder", texts("form.as_picture") if as_picture else "")


def _flag(request: type[Request], name: str, texts: Texts, _toolbox: Toolbox) -> Component:
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


_BUILDERS: dict[str, Callable[[type[Request], str, Texts, Toolbox], Component]] = {
    "prompt": _prompt,
    "choice": _choice,
    "slider": _number,
    "number": _number,
    "seed": _number,
    "size": _number,
    "flag": _flag,
    "adapters": _adapters,
    "styles": _styles,
    "options": _options,
    "plot": _plot,
    "picture": _picture,
    "mask": _mask,
    "restorer": _restorer,
    "stages": _stages,
    "steers": _steers,
}
