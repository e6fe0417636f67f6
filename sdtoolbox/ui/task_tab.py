"""The tab of one task as it is seen: words on the left, the picture on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.registered import TaskInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import control_of, picture_fields
from sdtoolbox.schema.restoring import Restoring
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import arrangement, pieces
from sdtoolbox.ui.controls import build_control
from sdtoolbox.ui.counting import counting_functions
from sdtoolbox.ui.form import Form, Values
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.naming import element_id, label_of


@dataclass(frozen=True, slots=True)
class Shared:
    """What the tabs of one page have in common."""

    toolbox: Toolbox
    texts: Texts
    checkpoint: Component  # in the header
    browser: gr.BrowserState  # {"client": id}: whose jobs these are
    forms: Mapping[str, gr.BrowserState]  # what each task's form held last
    by_many: bool = False  # the server is shared: nobody sees or changes what is another's


class TaskTab:
    """Builds one tab inside the current Blocks and keeps its components, for `TaskEvents` to wire."""

    def __init__(self, shared: Shared, entry: Entry[TaskInfo]) -> None:
        self.shared = shared
        self.request = entry.value.request
        self.label = shared.texts.get(f"task.{entry.id}", entry.label)
        self.form = Form(shared.toolbox, self.request, shared.texts)
        self.fields: dict[str, Component] = {}
        if "checkpoint" in self.form.names:
            self.fields["checkpoint"] = shared.checkpoint
        self.folds: dict[str, gr.Accordion] = {}
        self.batch: gr.HTML | None = None
        self.window: gr.HTML | None = None
        self.restores = issubclass(self.request, Restoring)
        self._build()

    def _build(self) -> None:
        texts = self.shared.texts
        self.stored = self.shared.forms[self.request.task]
        self.brought = gr.State(self.form.brought(None))  # what the checkpoint chosen put into the form
        self.aspects: list[Component] = []
        with gr.Row(elem_classes="sd-task"):
            with gr.Column(elem_classes="sd-words"):
                self.drop = pieces.drop(texts, self.request.task)
                self._controls([*self._named("picture"), *self._named("mask")])
                if self.restores:
                    pieces.measured(texts, self.request.task)
                    self.window = pieces.window(texts, self.request.task, element_id(self.request, "image"))
                self._words(texts)
            with gr.Column(elem_classes="sd-settings"):
                self._settings(texts)
            with gr.Column(elem_classes="sd-go"):
                self.notices = pieces.notices(texts)
                self.generate = gr.Button(
                    texts("form.generate"),
                    variant="primary",
                    elem_id=f"{self.request.task}-generate",
                    elem_classes="sd-generate",
                )
                pieces.hints(texts, self.form.hints())
                pieces.preflight(texts, self.request.task, [self._preflight()])
            with gr.Column(elem_classes="sd-look"):
                seed = element_id(self.request, "seed") if "seed" in self.form.names else ""
                known = {"edits": self.form.has_picture, "compares": self.restores}
                self.panel = pieces.panel(texts, seed, self._targets(), **known)

    def _targets(self) -> list[dict[str, str]]:
        tasks = self.shared.toolbox.registries.tasks
        editing = [entry for entry in tasks if picture_fields(entry.value.request)]
        return [{"id": entry.id, "label": self.shared.texts.get(f"task.{entry.id}", entry.label)} for entry in editing]

    def _words(self, texts: Texts) -> None:
        for name in self._named("prompt"):
            if name == "prompt":
                self._prompt(name)
            else:
                self.folds[name] = gr.Accordion(label_of(self.request, name, texts), open=False, elem_classes="sd-fold")
                with self.folds[name]:
                    self._prompt(name)
        self._controls(self._named("styles"))

    def _prompt(self, name: str) -> None:
        shared = self.shared
        self.fields[name] = build_control(self.request, name, shared.texts, shared.toolbox)
        pieces.counter(shared.texts, counting_functions(shared.toolbox), self.request.task, name)

    def _settings(self, texts: Texts) -> None:
        pieces.unfold(texts)
        if not self.form.has_picture:
            self._size(texts)
        groups = arrangement.groups(self.request, [name for name in self.form.names if name not in self.fields])
        with gr.Row(elem_classes="sd-grid"):
            self._controls(groups.pop(""))
        with gr.Row(elem_classes="sd-folds"):
            for group, names in groups.items():
                with (
                    pieces.fold(texts, texts.get(f"group.{group}", group), **self.form.fold(names)),
                    gr.Row(elem_classes="sd-grid"),
                ):
                    self._controls(names)
                    if group == "batch" and self.form.has_picture:
                        self.batch = pieces.batch(texts, self.request.task)

    def _size(self, texts: Texts) -> None:
        ids = element_id(self.request, "width"), element_id(self.request, "height")
        with gr.Row(elem_classes="sd-size"):
            for name in self._named("size"):
                self._controls([name])
                if name == "width":
                    pieces.swap(texts, *ids)
        self.aspects = [pieces.aspects(texts, *ids, self.form.own_size(None))]

    def _controls(self, names: Sequence[str]) -> None:
        for name in names:
            self.fields[name] = build_control(self.request, name, self.shared.texts, self.shared.toolbox)

    def _named(self, kind: str) -> list[str]:
        controls = {name: control_of(self.request, name) for name in self.form.names}
        return [name for name, control in controls.items() if control.kind == kind and not control.group]

    def _preflight(self) -> Callable[[Any], Values]:
        def preflight(values: Any) -> Values:  # the page calls it by this name
            return self.form.preflight(values)

        return preflight
