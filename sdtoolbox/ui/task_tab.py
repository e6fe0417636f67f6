"""The tab of one task: words on the left, the picture on the right; its events only submit and watch jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.errors import UserError
from sdtoolbox.models.annotations import DEFAULTS
from sdtoolbox.protocols import TaskInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.requests import control_of, picture_fields
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import pieces
from sdtoolbox.ui.controls import build_control, element_id, label_of
from sdtoolbox.ui.counting import counting_functions
from sdtoolbox.ui.form import Form, Values
from sdtoolbox.ui.i18n import Texts

# Submitting is quick and must never wait for another event: every click is a job.
QUICK: dict[str, Any] = {
    "trigger_mode": "multiple",
    "concurrency_limit": None,
    "show_progress": "hidden",
    "api_visibility": "private",
}


# A picture and a mask take room, and how they are edited matters more than these.
FOLDED_BESIDE_A_PICTURE = {
    "width": "resize",
    "height": "resize",
    "steps": "sampler",
    "sampler": "sampler",
    "schedule": "sampler",
    "batch_count": "batch",
    "batch_size": "batch",
}
# What is peculiar to a task comes first, what few people need last; the others as the request has them.
FOLDS = {"mask": -5, "outpaint": -4, "resize": -3, "loopback": -2, "tiles": -1, "batch": 1, "more": 2}


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
    """Builds one tab inside the current Blocks and wires it; the tab that `leads` is the one that opens first."""

    def __init__(self, shared: Shared, entry: Entry[TaskInfo], *, leads: bool = False) -> None:
        self.shared = shared
        self.leads = leads
        self.request = entry.value.request
        self.label = shared.texts.get(f"task.{entry.id}", entry.label)
        self.form = Form(shared.toolbox, self.request, shared.texts)
        self.fields: dict[str, Component] = {}
        if "checkpoint" in self.form.names:
            self.fields["checkpoint"] = shared.checkpoint
        self.folds: dict[str, gr.Accordion] = {}
        self._build()
        self._wire()

    def _build(self) -> None:
        texts = self.shared.texts
        self.stored = self.shared.forms[self.request.task]
        self.brought = gr.State(self.form.brought(None))  # what the checkpoint chosen put into the form
        self.aspects: list[Component] = []
        with gr.Row(elem_classes="sd-task"):
            with gr.Column(elem_classes="sd-words"):
                self.drop = pieces.drop(texts, self.request.task)
                self._controls([*self._named("picture"), *self._named("mask")])
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
                self.panel = pieces.panel(texts, seed, self._targets(), edits=self.form.has_picture)

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
        groups = self._groups()
        with gr.Row(elem_classes="sd-grid"):
            self._controls(groups.pop("", []))
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

    def _groups(self) -> dict[str, list[str]]:
        """The fields that have no place of their own, by folded group; the first view is the group without a name."""
        groups: dict[str, list[str]] = {}
        for name in self.form.names:
            if name not in self.fields:
                groups.setdefault(self._group(name), []).append(name)
        if self.form.has_picture:
            groups.setdefault("batch", [])
        groups |= {"": sorted(groups.get("", []), key=self._place)}
        return dict(sorted(groups.items(), key=lambda group: FOLDS.get(group[0], 0)))

    def _group(self, name: str) -> str:
        own = control_of(self.request, name).group
        return FOLDED_BESIDE_A_PICTURE.get(name, own) if self.form.has_picture else own

    def _place(self, name: str) -> int:
        # How much is changed and what the checkpoint proposes comes first, then the choices, the seed, how many.
        if name == "strength":
            return -1
        proposed = self.request.model_fields[name].default is None
        kind = control_of(self.request, name).kind
        return {"adapters": 0, "choice": 1, "seed": 2, "flag": 4}.get(kind, 0 if proposed else 3)

    def _named(self, kind: str) -> list[str]:
        controls = {name: control_of(self.request, name) for name in self.form.names}
        return [name for name, control in controls.items() if control.kind == kind and not control.group]

    def _wire(self) -> None:
        everything = list(self.fields.values())
        gr.on([_edited(field) for field in everything], **self._remember())
        inputs = {*everything, self.shared.browser}
        self.generate.click(self._submit, inputs, self.notices, **QUICK)
        self.panel.retry(self._retry, self.shared.browser, self.notices, **QUICK)
        self.panel.apply(self._grow, inputs, self.notices, **QUICK)
        if self.form.has_picture:
            self.batch.submit(self._submit_one, inputs, self.batch, **QUICK)
        self.panel.stop(self._stop, None, None, **QUICK)
        if "prompt" in self.fields:
            example = self.panel.select(self._example, None, self.fields["prompt"], **QUICK)
            example.then(self._submit, inputs, self.notices, **QUICK)
        filled = [*everything, self.brought, *self.aspects, *self.folds.values()]
        self.drop.upload(self._dropped, {self.drop, *everything}, filled, **QUICK).then(**self._remember())
        # Gradio builds a tab when it is opened first: what is sent to its fields before that would be lost.
        self.drop.focus(self._restore, {self.stored, *everything}, filled, **QUICK).then(**self._remember(at_once=True))
        if "checkpoint" in self.fields:
            shown = [*everything, self.brought, *self.aspects]
            self.drop.edit(self._checkpoint_changed, {*everything, self.brought}, shown, **QUICK)

    def _remember(self, *, at_once: bool = False) -> dict[str, Any]:
        """An event that gives all values to the browser to keep, and to those pieces that follow other fields."""
        inputs = [*self.fields.values(), self.stored]
        call = (  # Gradio's own controls may speak before our scripts are there
            "(...values) => window.sdPieces ? sdPieces.remember("
            f"'{self.request.task}', {list(self.fields)!r}, values, {int(at_once)}) : values.at(-1)"
        )
        return {"fn": None, "inputs": inputs, "outputs": self.stored, "js": call, "show_progress": "hidden"}

    def follow_models(self, models: Component) -> None:
        """Let the Models tab take over what stands in the form as the defaults of its checkpoint."""
        if "checkpoint" in self.fields and not self.form.has_picture:  # else the size is the picture's
            models.select(self._taken, {*self.fields.values()}, models, **QUICK)

    def _submit(self, data: dict[Component, Any]) -> dict[str, Any]:
        values = {name: data[field] for name, field in self.fields.items()}
        try:
            self.shared.toolbox.submit(self.form.parse(values), client=client_of(data[self.shared.browser]))
        except UserError as error:
            return {"problems": self.form.problems(error, values), "at": time.time()}
        return {"problems": [], "at": time.time()}

    def _submit_one(self, data: dict[Component, Any], event: gr.EventData) -> dict[str, Any]:
        """One picture of many, with the form's values, or its own where it has any."""
        toolbox, values = self.shared.toolbox, {name: data[field] for name, field in self.fields.items()}
        picture = str(event.picture)
        try:
            if event.own and (own := self._own(picture)):
                values = self.form.filled(own, values)
            given = {next(iter(picture_fields(self.request))): picture}
            toolbox.submit(self.form.parse(values | given), client=client_of(data[self.shared.browser]))
        except UserError as error:
            said = " ".join(problem["text"] for problem in self.form.problems(error, values))
            return {"code": error.code, "problem": said, "at": time.time()}
        return {"code": "", "problem": "", "at": time.time()}

    def _own(self, picture: str) -> Values:
        toolbox = self.shared.toolbox
        try:
            return toolbox.recall(toolbox.picture_path(picture), self.request.task).values
        except UserError:  # it does not say how it was drawn
            return {}

    def _preflight(self) -> Callable[[Any], Values]:
        def preflight(values: Any) -> Values:  # the page calls it by this name
            return self.form.preflight(values)

        return preflight

    def _retry(self, browser: Values, event: gr.EventData) -> dict[str, Any]:
        toolbox = self.shared.toolbox
        try:
            job = toolbox.job(str(event.job))
            toolbox.submit(toolbox.parse(job.task, job.request), client=client_of(browser))
        except UserError as error:
            return {"problems": self.form.problems(error, {}), "at": time.time()}
        return {"problems": [], "at": time.time()}

    def _grow(self, data: dict[Component, Any], event: gr.EventData) -> dict[str, Any]:
        """Hires fix for a finished picture, as the form says it is to be done."""
        toolbox, values = self.shared.toolbox, {name: data[field] for name, field in self.fields.items()}
        try:
            result = toolbox.result(str(event.job))
            picture = next((one for one in result.pictures if one.id == str(event.picture)), None)
            if picture is None:
                raise UserError("JOB_MISSING", "that picture is not one of its job.", "Select it again.")
            toolbox.submit(self.form.larger(picture, values), client=client_of(data[self.shared.browser]))
        except UserError as error:
            return {"problems": self.form.problems(error, values), "at": time.time()}
        return {"problems": [], "at": time.time()}

    def _stop(self, event: gr.EventData) -> None:
        self.shared.toolbox.cancel(str(event.job))

    def _example(self, event: gr.EventData) -> str:
        return self.shared.texts(f"example.{int(event.example)}")

    def _dropped(self, data: dict[Component, Any]) -> list[Any]:
        values = {name: data[field] for name, field in self.fields.items()}
        filled = self.form.filled((data[self.drop] or {}).get("values", {}), values)
        return [*self._shown(filled), *(gr.Accordion(open=bool(filled[name])) for name in self.folds)]

    def _restore(self, data: dict[Component, Any]) -> list[Any]:
        """The form as this browser left it; the checkpoint, which all forms share, as the first of them has it."""
        typed = {name: data[field] for name, field in self.fields.items()}
        checkpoint = None if self.leads else typed.get("checkpoint")
        values = self.form.restored(data[self.stored], typed, checkpoint)
        return [*self._shown(values), *(gr.Accordion(open=bool(values[name])) for name in self.folds)]

    def _shown(self, values: Values) -> list[Any]:
        checkpoint = values.get("checkpoint")
        own = [self.form.own_size(checkpoint) for _ in self.aspects]
        return [*(values[name] for name in self.fields), self.form.brought(checkpoint), *own]

    def _taken(self, data: dict[Component, Any]) -> dict[str, Any]:
        values = {name: data[field] for name, field in self.fields.items()}
        return {"taken": {name: values[name] for name in DEFAULTS if name in values}, "at": time.time()}

    def _checkpoint_changed(self, data: dict[Component, Any]) -> list[Any]:
        # Only what moves is sent: whatever else a person is typing at that moment stays.
        values = {name: data[field] for name, field in self.fields.items()}
        checkpoint = values["checkpoint"]
        moved = self.form.after_checkpoint(values, data[self.brought], checkpoint)
        fields = [moved.get(name, gr.skip()) for name in self.fields]
        return [*fields, self.form.brought(checkpoint), *(self.form.own_size(checkpoint) for _ in self.aspects)]


def client_of(browser: Values | None) -> str:
    """The id under which a browser's jobs are kept together."""
    return str((browser or {}).get("client", ""))[:64]


def _edited(field: Component) -> Any:
    return field.change if isinstance(field, gr.Textbox | gr.Dropdown | gr.Checkbox) else field.input
