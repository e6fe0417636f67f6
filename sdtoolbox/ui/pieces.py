"""Our own pieces of the page: an HTML file, a script, texts; each is a `gr.HTML` that its script fills and watches."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from sdtoolbox.ui import scripts
from sdtoolbox.ui.i18n import COOKIE, Texts, languages
from sdtoolbox.ui.icons import icon
from sdtoolbox.ui.scripts import FOLDER

LANGUAGE_NAMES = {"en": "English", "zh-CN": "简体中文"}


def template(name: str, texts: Texts) -> str:
    """An HTML file with `{{ key }}` replaced by the escaped text and `{{ icon:name }}` by the drawing.

    Gradio fills `${prop}` in the browser, as markup: whatever is passed for one must be escaped. Nothing in double
    braces may be left for it, because it would run what it puts there.
    """

    def fill(found: re.Match[str]) -> str:
        kind, _, rest = found[1].rpartition(":")
        return icon(rest) if kind == "icon" else escape(texts(rest))

    return re.sub(r"\{\{ ([\w.:]+) \}\}", fill, (FOLDER / f"{name}.html").read_text("utf-8"))


def _piece(name: str, texts: Texts, value: Any = None, *, given: Any = None, **options: Any) -> gr.HTML:
    script = options.pop("script", name)
    return gr.HTML(
        value=value,
        html_template=template(name, texts),
        **(scripts.call(script, texts, given) if script else {"js_on_load": None}),
        apply_default_css=False,
        **{"elem_classes": "sd-piece"} | options,
    )


def panel(
    texts: Texts, seed_id: str, targets: list[dict[str, str]], *, edits: bool = False, compares: bool = False
) -> gr.HTML:
    """Stage, progress, results and parameters of a task; its value is one of `views.desks`.

    `edits` says that the task begins with a picture; `targets` are all tasks that do: a result can be sent there.
    One that `compares` shows each result beside what it was made of from the first.
    """
    known = {"targets": targets, "compares": compares}
    return _piece("panel", texts, {"ready": False, "jobs": []}, given=known, seed_id=seed_id, edits=edits)


def queue(texts: Texts) -> gr.HTML:
    """The button with the queue's length and the drawer below it; its value is `views.queue`."""
    return _piece("queue", texts, {"jobs": []}, elem_id="sd-queue")


def models(texts: Texts, functions: list[Callable[[Any], Any]], *, editable: bool, **known: Any) -> gr.HTML:
    """The Models tab; its value is `{"taken": {field: value}}`, what a form has to become a model's defaults."""
    return _piece("models", texts, given=known, elem_id="sd-models", server_functions=functions, editable=editable)


def extensions(texts: Texts, functions: list[Callable[[Any], Any]]) -> gr.HTML:
    """The Extensions tab."""
    return _piece("extensions", texts, elem_id="sd-extensions", server_functions=functions)


def counter(texts: Texts, functions: list[Callable[[Any], Any]], task: str, field: str) -> gr.HTML:
    """Below the prompt `field` of a task: its tokens, its weights, its mistakes."""
    known = {"task": task, "field": field, "prompt_id": f"{task}-{field}"}
    return _piece("counter", texts, server_functions=functions, **known)


def fold(texts: Texts, title: str, fields: dict[str, Any] | None = None, **known: Any) -> gr.HTML:
    """A folded group, to be used with `with`; what is inside works while it is folded, as Gradio's does not.

    `fields` are the defaults of those inside, by name; `known` may have their `task`, and `switched`, the field that
    turns the group on.
    """
    look = ["sd-piece", "sd-group"]
    return _piece("fold", texts, given=fields, elem_classes=look, fold_title=escape(title), **known)


def brand(texts: Texts) -> gr.HTML:
    """The name of the house."""
    return _piece("brand", texts, script="", elem_id="sd-brand")


def page_tools(texts: Texts) -> gr.HTML:
    """Light or dark, and the language; its script also has the keys that work on the whole page."""
    options = "".join(
        f'<option value="{escape(language)}"{" selected" if language == texts.language else ""}>'
        f"{escape(LANGUAGE_NAMES.get(language, language))}</option>"
        for language in languages()
    )
    known = {"language": texts.language, "cookie": COOKIE, "options": options}
    return _piece("page", texts, elem_id="sd-page-tools", **known)


def notices(texts: Texts) -> gr.HTML:
    """Where a refusal is said: its value is `{"problems": [{id, text}]}`, each shown at its field or else here."""
    return _piece("notices", texts, {"problems": []})


def aspects(texts: Texts, width_id: str, height_id: str, own: dict[str, int]) -> gr.HTML:
    """Buttons for the usual shapes; its value is the checkpoint's own size."""
    return _piece("size", texts, own, width_id=width_id, height_id=height_id)


def swap(texts: Texts, width_id: str, height_id: str) -> gr.HTML:
    """The button between width and height."""
    return _piece("swap", texts, script="size", width_id=width_id, height_id=height_id)


def hints(texts: Texts, known: dict[str, dict[str, str]]) -> gr.HTML:
    """Tooltips for the choices of lists: what each does by its label, by the id of the list's field."""
    return _piece("hints", texts, given=known, elem_classes=["sd-piece", "sd-hints"])


def preflight(texts: Texts, task: str, functions: list[Callable[[Any], Any]]) -> gr.HTML:
    """A line that says what the form's request is likely to take; it follows the fields by itself."""
    look = ["sd-piece", "sd-preflight-block"]
    return _piece("preflight", texts, elem_classes=look, task=task, server_functions=functions)


def drop(texts: Texts, task: str) -> gr.HTML:
    """Where a picture or a text is dropped or pasted; its value is what the server read out of it."""
    look = ["sd-piece", "sd-drop-block"]
    return _piece("drop", texts, elem_classes=look, task=task)


def batch(texts: Texts, task: str) -> gr.HTML:
    """Many pictures at once; its value is what became of the last one: `{"code", "problem"}`, empty if it is queued."""
    return _piece("batch", texts, elem_classes=["sd-piece", "sd-batch-block"], task=task)


def measured(texts: Texts, task: str) -> gr.HTML:
    """The line below a picture that says what is measured in it and what would be done; it follows the form."""
    return _piece("measured", texts, elem_classes=["sd-piece", "sd-measured-block"], task=task)


def window(texts: Texts, task: str, picture_id: str) -> gr.HTML:
    """The frame on a form's picture and the button that makes what is inside; it submits `{"window": box}`."""
    return _piece("window", texts, elem_classes=["sd-piece", "sd-window-block"], task=task, picture_id=picture_id)


def unfold(texts: Texts) -> gr.HTML:
    """On a small screen the settings are folded below this button; elsewhere it is not there."""
    return _piece("unfold", texts)
