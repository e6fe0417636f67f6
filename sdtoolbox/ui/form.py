"""The form of a request class: its values when the page opens, when the checkpoint changes, and as a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.models.entries import SHELVES, CatalogEntry, Kind
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, bounds_of, control_of
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.controls import element_id, label_of
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.shelves import CHOSEN_BESIDE

Values = dict[str, Any]


class Form:
    """What stands in the fields of one task's form; knows no component."""

    def __init__(self, toolbox: Toolbox, request: type[Request], texts: Texts) -> None:
        self.toolbox = toolbox
        self.request = request
        self.texts = texts
        self.names = list(request.model_fields)

    def initial(self) -> Values:
        """The fields' defaults; those that the request leaves open as the default checkpoint has them."""
        values = {name: _plain(info.default) for name, info in self.request.model_fields.items()}
        checkpoint = self._checkpoint(None)
        return self._open(values, checkpoint) | ({"checkpoint": checkpoint.id} if checkpoint else {})

    def restored(self, stored: object, typed: Mapping[str, Any] | None = None) -> Values:
        """What this browser had in the form before, as far as it still makes sense, else the initial values.

        `typed` is what the fields hold by now: a quick person's words are not taken away again.
        """
        initial = self.initial()
        kept = stored if isinstance(stored, Mapping) else {}
        before = {name: value for name, value in kept.items() if self._makes_sense(name, value)}
        return initial | before | {name: value for name, value in (typed or {}).items() if self._is_typed(name, value)}

    def _is_typed(self, name: str, value: object) -> bool:
        if control_of(self.request, name).kind == "choice":
            return False  # a list that nobody touched shows its first entry
        return value not in (None, "", [], self.request.model_fields[name].default, self.initial().get(name))

    def brought(self, checkpoint: str | None) -> Values:
        """What a checkpoint brings into the form: the fields that the request leaves open, as it has them."""
        found = self._checkpoint(checkpoint)
        open_fields = {name: None for name in self.names if self.is_open(name)}
        return self._open(open_fields, found) if found else {}

    def is_open(self, name: str) -> bool:
        """Whether a field takes its value from the checkpoint where nobody gives one."""
        return self.request.model_fields[name].default is None and control_of(self.request, name).choices not in SHELVES

    def after_checkpoint(self, values: Mapping[str, Any], before: Mapping[str, Any], after: str | None) -> Values:
        """The fields that move when the checkpoint or its defaults change: those which show what was brought `before`.

        What a person chose stays.
        """
        return {name: value for name, value in self.brought(after).items() if values.get(name) == before.get(name)}

    def own_size(self, checkpoint: str | None) -> dict[str, int]:
        """The width and height that a checkpoint was trained for."""
        found = self._checkpoint(checkpoint)
        defaults = found.defaults if found else {}
        return {"width": int(defaults.get("width", 512)), "height": int(defaults.get("height", 512))}

    def parse(self, values: Mapping[str, Any]) -> Request:
        """The request that the form says; `UserError` where it does not make one.

        A field that was emptied means its default: open, or the value the request class has.
        """
        given = {name: value for name, value in values.items() if name in self.names and value is not None}
        return self.toolbox.parse(self.request.task, given)

    def problems(self, error: UserError, values: Mapping[str, Any]) -> list[dict[str, str]]:
        """The error as `{id, text}` for each field at fault; an empty id where no field is."""
        found = error.problems if isinstance(error, InvalidRequest) else (error,)
        return [self._problem(problem, values) for problem in found]

    def _problem(self, error: UserError, values: Mapping[str, Any]) -> dict[str, str]:
        name = error.field if error.field in self.names else None
        if name is None:
            return {"id": "", "text": f"{self.texts(f'error.{error.code}')} {sentence(str(error))}"}
        low, high = bounds_of(self.request, name)
        text = self.texts(
            "problem.other" if low is None else "problem.range",
            label=label_of(self.request, name, self.texts),
            value=shown(values.get(name)),
            message=error.message,
            hint=error.hint,
            minimum=low,
            maximum=high,
        )
        return {"id": element_id(self.request, name), "text": sentence(text.strip())}

    def _makes_sense(self, name: str, value: object) -> bool:
        if name not in self.names:
            return False
        control = control_of(self.request, name)
        if control.kind == "adapters":
            return _are_adapters(value)
        if not isinstance(value, str | int | float):
            return False
        if control.choices in SHELVES:
            return self._found(str(value), SHELVES[control.choices]) is not None
        return not control.choices or str(value) in self.toolbox.registries.named(control.choices)

    def _open(self, values: Values, checkpoint: CatalogEntry | None) -> Values:
        defaults = checkpoint.defaults if checkpoint else {}
        return {name: self._id(name, defaults.get(name)) if value is None else value for name, value in values.items()}

    def _id(self, name: str, value: Any) -> Any:
        # A checkpoint's own file may name a sampler by its label; the list of choices knows ids.
        choices = control_of(self.request, name).choices
        if not isinstance(value, str) or not choices or choices in SHELVES:
            return value
        registry = self.toolbox.registries.named(choices)
        return registry.get(value).id if value in registry else value

    def _checkpoint(self, name: str | None) -> CatalogEntry | None:
        return self._found(name or None, "checkpoint")

    def _found(self, name: str | None, kind: Kind) -> CatalogEntry | None:
        try:
            return self.toolbox.catalog.find(name, kind, given=CHOSEN_BESIDE)
        except UserError:
            return None


def _plain(value: Any) -> Any:
    # Values travel as JSON, which has no tuples.
    return list(value) if isinstance(value, tuple) else value


def _are_adapters(value: object) -> bool:
    """Whether this is a list as the form keeps it; an adapter whose file has gone meanwhile stays, and is said."""
    return isinstance(value, list) and all(isinstance(one, Mapping) and one.get("adapter") for one in value)
