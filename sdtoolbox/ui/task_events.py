"""What happens in the tab of a task: its events queue requests and move its fields; none of them runs a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.errors import UserError
from sdtoolbox.models.annotations import DEFAULTS
from sdtoolbox.schema.requests import Request, picture_fields
from sdtoolbox.ui.form import Values
from sdtoolbox.ui.task_tab import TaskTab

# Submitting is quick and must never wait for another event: every click is a job.
QUICK: dict[str, Any] = {
    "trigger_mode": "multiple",
    "concurrency_limit": None,
    "show_progress": "hidden",
    "api_visibility": "private",
}
Data = dict[Component, Any]  # what Gradio gives to a handler whose inputs are a set


class TaskEvents:
    """Wires a tab inside the current Blocks; the one that `leads` is the tab that opens first."""

    def __init__(self, tab: TaskTab, *, leads: bool = False) -> None:
        self.tab = tab
        self._toolbox = tab.shared.toolbox
        self._form = tab.form
        self._leads = leads
        self._wire()

    def _wire(self) -> None:
        tab = self.tab
        everything = list(tab.fields.values())
        gr.on([_edited(field) for field in everything], **self._remember())
        inputs = {*everything, tab.shared.browser}
        tab.generate.click(self._submit, inputs, tab.notices, **QUICK)
        tab.panel.retry(self._retry, tab.shared.browser, tab.notices, **QUICK)
        tab.panel.apply(self._grow, inputs, tab.notices, **QUICK)
        if tab.batch is not None:
            tab.batch.submit(self._submit_one, inputs, tab.batch, **QUICK)
        if tab.window is not None:
            tab.window.submit(self._submit_window, inputs, tab.notices, **QUICK)
        tab.panel.stop(self._stop, None, None, **QUICK)
        if "prompt" in tab.fields:
            example = tab.panel.select(self._example, None, tab.fields["prompt"], **QUICK)
            example.then(self._submit, inputs, tab.notices, **QUICK)
        shown = [*everything, tab.brought, *tab.aspects]
        filled = [*shown, *tab.folds.values()]
        tab.drop.upload(self._dropped, {tab.drop, *everything}, filled, **QUICK).then(**self._remember())
        # Gradio builds a tab when it is opened first: what is sent to its fields before that would be lost.
        restored = tab.drop.focus(self._restore, {tab.stored, *everything}, filled, **QUICK)
        restored.then(**self._remember(at_once=True))
        if "checkpoint" in tab.fields:
            tab.drop.edit(self._checkpoint_changed, {*everything, tab.brought}, shown, **QUICK)

    def _remember(self, *, at_once: bool = False) -> dict[str, Any]:
        """An event that gives all values to the browser to keep, and to those pieces that follow other fields."""
        tab = self.tab
        call = (  # Gradio's own controls may speak before our scripts are there
            "(...values) => window.sdPieces ? sdPieces.remember("
            f"'{tab.request.task}', {list(tab.fields)!r}, values, {int(at_once)}) : values.at(-1)"
        )
        inputs = [*tab.fields.values(), tab.stored]
        return {"fn": None, "inputs": inputs, "outputs": tab.stored, "js": call, "show_progress": "hidden"}

    def follow_models(self, models: Component) -> None:
        """Let the Models tab take over what stands in the form as the defaults of its checkpoint."""
        if "checkpoint" in self.tab.fields and not self._form.has_picture:  # else the size is the picture's
            models.select(self._taken, {*self.tab.fields.values()}, models, **QUICK)

    def _submit(self, data: Data) -> dict[str, Any]:
        values = self._values(data)
        return self._queue(lambda: self._form.parse(values), data[self.tab.shared.browser], values)

    def _submit_window(self, data: Data, event: gr.EventData) -> dict[str, Any]:
        """The form's request for a part of the picture alone."""
        values = self._values(data)

        def part() -> Request:
            whole = self._form.parse(values)
            return self._toolbox.parse(whole.task, whole.model_dump() | {"window": event.window})

        return self._queue(part, data[self.tab.shared.browser], values)

    def _retry(self, browser: Values, event: gr.EventData) -> dict[str, Any]:
        def again() -> Request:
            job = self._toolbox.job(str(event.job))
            return self._toolbox.parse(job.task, job.request)

        return self._queue(again, browser, {})

    def _grow(self, data: Data, event: gr.EventData) -> dict[str, Any]:
        """Hires fix for a finished picture, as the form says it is to be done."""
        values = self._values(data)

        def larger() -> Request:
            result = self._toolbox.result(str(event.job))
            picture = next((one for one in result.pictures if one.id == str(event.picture)), None)
            if picture is None:
                raise UserError("JOB_MISSING", "that picture is not one of its job.", "Select it again.")
            return self._form.larger(picture, values)

        return self._queue(larger, data[self.tab.shared.browser], values)

    def _queue(self, make: Callable[[], Request], browser: Values, values: Values) -> dict[str, Any]:
        """Queue a request; the value of the notices: what is wrong with it, if it could not be made or queued."""
        problems = []
        try:
            self._toolbox.submit(make(), client=client_of(browser))
        except UserError as error:
            problems = self._form.problems(error, values)
        return {"problems": problems, "at": time.time()}

    def _submit_one(self, data: Data, event: gr.EventData) -> dict[str, Any]:
        """One picture of many, with the form's values, or its own where it has any."""
        values, picture = self._values(data), str(event.picture)
        code = problem = ""
        try:
            if event.own and (own := self._own(picture)):
                values = self._form.filled(own, values)
            given = {next(iter(picture_fields(self.tab.request))): picture}
            request = self._form.parse(values | given)
            self._toolbox.submit(request, client=client_of(data[self.tab.shared.browser]))
        except UserError as error:
            code, problem = error.code, " ".join(one["text"] for one in self._form.problems(error, values))
        return {"code": code, "problem": problem, "at": time.time()}

    def _own(self, picture: str) -> Values:
        try:
            return self._toolbox.recall(self._toolbox.picture_path(picture), self.tab.request.task).values
        except UserError:  # it does not say how it was drawn
            return {}

    def _stop(self, event: gr.EventData) -> None:
        self._toolbox.cancel(str(event.job))

    def _example(self, event: gr.EventData) -> str:
        return self.tab.shared.texts(f"example.{int(event.example)}")

    def _dropped(self, data: Data) -> list[Any]:
        said = (data[self.tab.drop] or {}).get("values", {})
        return self._filled(self._form.filled(said, self._values(data)))

    def _restore(self, data: Data) -> list[Any]:
        """The form as this browser left it; the checkpoint, which all forms share, as the first of them has it."""
        typed = self._values(data)
        checkpoint = None if self._leads else typed.get("checkpoint")
        return self._filled(self._form.restored(data[self.tab.stored], typed, checkpoint))

    def _checkpoint_changed(self, data: Data) -> list[Any]:
        # Only what moves is sent: whatever else a person is typing at that moment stays.
        values = self._values(data)
        checkpoint = values["checkpoint"]
        moved = self._form.after_checkpoint(values, data[self.tab.brought], checkpoint)
        return [*(moved.get(name, gr.skip()) for name in self.tab.fields), *self._of_checkpoint(checkpoint)]

    def _filled(self, values: Values) -> list[Any]:
        folds = (gr.Accordion(open=bool(values[name])) for name in self.tab.folds)
        fields = (values[name] for name in self.tab.fields)
        return [*fields, *self._of_checkpoint(values.get("checkpoint")), *folds]

    def _of_checkpoint(self, checkpoint: str | None) -> list[Values]:
        return [self._form.brought(checkpoint), *(self._form.own_size(checkpoint) for _ in self.tab.aspects)]

    def _taken(self, data: Data) -> dict[str, Any]:
        values = self._values(data)
        return {"taken": {name: values[name] for name in DEFAULTS if name in values}, "at": time.time()}

    def _values(self, data: Data) -> Values:
        return {name: data[field] for name, field in self.tab.fields.items()}


def client_of(browser: Values | None) -> str:
    """The id under which a browser's jobs are kept together."""
    return str((browser or {}).get("client", ""))[:64]


def _edited(field: Component) -> Any:
    return field.change if isinstance(field, gr.Textbox | gr.Dropdown | gr.Checkbox) else field.input
