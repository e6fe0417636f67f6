"""The form of a request class: its values when the page opens, when the checkpoint changes, and as a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, bounds_of, control_of
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.controls import element_id, label_of
from sdtoolbox.ui.i18n import Texts

Values = dict[str, Any]


class Form:
    """What stands in the fields of one task's form; knows no component."""

    def __init__(self, toolbox: Toolbox, request: type[Request], texts: Texts) -> None:
        self.toolbox = toolbox
        self.request = request
        self.texts = texts
        self.names = list(request.model_fields)

    def checkpoints(self) -> list[tuple[str, str]]:
        """The checkpoints that can draw, as (name, id); of two with one name each also shows the start of its id."""
        ready = self.toolbox.catalog.ready()
        names = Counter(checkpoint.name for checkpoint in ready)
        return [(c.name if names[c.name] == 1 else f"{c.name} ({c.id[:6]})", c.id) for c in ready]

    def initial(self) -> Values:
        """The fields' defaults; those that the request leaves open as the default checkpoint has them."""
        values = {name: info.default for name, info in self.request.model_fields.items()}
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
        if control_of(self.request, name).choices:
            return False  # a list that nobody touched shows its first entry
        return value not in (None, "", self.request.model_fields[name].default, self.initial().get(name))

    def after_checkpoint(self, values: Mapping[str, Any], before: str | None, after: str | None) -> Values:
        """The fields that follow a change of checkpoint: those which still show what the one before brought."""
        old, new = self._checkpoint(before), self._checkpoint(after)
        if old is None or new is None or old == new:
            return {}
        open_fields = self._open(dict.fromkeys(self.names), old)
        untouched = {
            name: None for name, value in open_fields.items() if value is not None and values.get(name) == value
        }
        return {name: value for name, value in self._open(untouched, new).items() if name != "checkpoint"}

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
        if name not in self.names or not isinstance(value, str | int | float):
            return False
        choices = control_of(self.request, name).choices
        if choices == "checkpoints":
            return self._checkpoint(str(value)) is not None
        return not choices or str(value) in self.toolbox.registries.named(choices)

    def _open(self, values: Values, checkpoint: CatalogEntry | None) -> Values:
        defaults = checkpoint.defaults if checkpoint else {}
        return {name: self._id(name, defaults.get(name)) if value is None else value for name, value in values.items()}

    def _id(self, name: str, value: Any) -> Any:
        # A checkpoint's own file may name a sampler by its label; the list of choices knows ids.
        choices = control_of(self.request, name).choices
        if not isinstance(value, str) or not choices or choices == "checkpoints":
            return value
        registry = self.toolbox.registries.named(choices)
        return registry.get(value).id if value in registry else value

    def _checkpoint(self, name: str | None) -> CatalogEntry | None:
        try:
            return self.toolbox.catalog.find(name)
        except UserError:
            return None


def sentence(text: str) -> str:
    """Errors begin in lower case because programs put things before them; a person reads a sentence."""
    return text[:1].upper() + text[1:]
