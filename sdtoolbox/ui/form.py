"""The form of a request class: its values when the page opens, when the checkpoint changes, and as a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.models.entries import SHELVES, CatalogEntry, Kind
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import PICTURE_KINDS, Request, bounds_of, control_of, picture_fields, shown_fields
from sdtoolbox.schema.results import Picture
from sdtoolbox.tasks.plotting import count_cells
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence
from sdtoolbox.ui.naming import choice_label, element_id, label_of
from sdtoolbox.ui.shelves import CHOSEN_BESIDE

Values = dict[str, Any]
LISTS = ("adapters", "styles", "plot", "stages", "steers")


class Form:
    """What stands in the fields of one task's form; knows no component."""

    def __init__(self, toolbox: Toolbox, request: type[Request], texts: Texts) -> None:
        self.toolbox = toolbox
        self.request = request
        self.texts = texts
        self.names = [name for name in shown_fields(request) if self._has_choices(name)]
        self.has_picture = bool(picture_fields(request))

    def _has_choices(self, name: str) -> bool:
        """Whether a field offers anything: steers come from extensions alone, and there may be none."""
        return control_of(self.request, name).kind != "steers" or len(self.toolbox.registries.steers) > 0

    def initial(self) -> Values:
        """The fields' defaults; those that the request leaves open as the default checkpoint has them."""
        values = {name: self._shown(name, self.request.model_fields[name].default) for name in self.names}
        checkpoint = self._checkpoint(None)
        chosen = {"checkpoint": checkpoint.id} if checkpoint and "checkpoint" in self.names else {}
        return self._open(values, checkpoint) | chosen

    def restored(self, stored: object, typed: Mapping[str, Any] | None = None, checkpoint: str | None = None) -> Values:
        """What this browser had in the form before, as far as it still makes sense, else the initial values.

        `typed` is what the fields hold by now: a quick person's words are not taken away again. `checkpoint` is chosen
        meanwhile: what the one before had brought moves to what this one brings.
        """
        kept = stored if isinstance(stored, Mapping) else {}
        before = {name: value for name, value in kept.items() if self._makes_sense(name, value)}
        values = self.initial() | before
        if checkpoint is not None:
            values |= self.after_checkpoint(values, self.brought(values.get("checkpoint")), checkpoint)
            values["checkpoint"] = checkpoint
        return values | {name: value for name, value in (typed or {}).items() if self._is_typed(name, value)}

    def _is_typed(self, name: str, value: object) -> bool:
        if control_of(self.request, name).kind == "choice":
            return False  # a list that nobody touched shows its first entry
        return value not in (None, "", [], self.request.model_fields[name].default, self.initial().get(name))

    def _shown(self, name: str, default: Any) -> Any:
        control = control_of(self.request, name)
        in_a_list = control.kind == "choice" and control.choices not in SHELVES
        return "" if control.same and in_a_list else _plain(default)

    def filled(self, recalled: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
        """What the fields show after a picture was dropped: what it says, the rest as it is.

        LoRAs, styles and plots that it does not name are taken away: it was drawn without them.
        """
        kinds = {name: control_of(self.request, name).kind for name in self.names}
        emptied: Values = {name: None if kind == "plot" else [] for name, kind in kinds.items() if kind in LISTS}
        said = {name: value for name, value in recalled.items() if value is None or self._makes_sense(name, value)}
        return {name: (dict(values) | emptied | said).get(name) for name in self.names}

    def brought(self, checkpoint: str | None) -> Values:
        """What a checkpoint brings into the form: the fields that the request leaves open, as it has them."""
        found = self._checkpoint(checkpoint)
        open_fields: Values = {name: None for name in self.names if self.is_open(name)}
        return self._open(open_fields, found) if found else {}

    def is_open(self, name: str) -> bool:
        """Whether a field takes its value from the checkpoint where nobody gives one."""
        control = control_of(self.request, name)
        if control.kind in PICTURE_KINDS or (control.kind == "size" and self.has_picture):
            return False  # a picture has a size of its own
        return self.request.model_fields[name].default is None and control.choices not in SHELVES and not control.same

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
        given = {name: self._meant(name, value, values) for name, value in values.items() if name in self.names}
        return self.toolbox.parse(
            self.request.task, {name: value for name, value in given.items() if value is not None}
        )

    def hints(self) -> dict[str, dict[str, str]]:
        """What each choice of a list does, by its label, by the id of the list's field; lists without such are out."""
        found = {}
        for name in self.names:
            shelf = control_of(self.request, name).choices
            if shelf and shelf not in SHELVES:
                entries = self.toolbox.registries.named(shelf)
                said = {choice_label(one, shelf, self.texts): getattr(one.value, "help", "") for one in entries}
                found[element_id(self.request, name)] = {label: words for label, words in said.items() if words}
        return {name: known for name, known in found.items() if known}

    def preflight(self, values: object) -> Values:
        """What the form's request would be and is likely to take, for the line below the button; {} if it is none."""
        try:
            request = self.toolbox.resolve(self.parse(values if isinstance(values, Mapping) else {}))
            found = self.toolbox.preflight(request)
        except UserError:
            return {}
        asked = {name: getattr(request, name, None) for name in ("steps", "width", "height")}
        pictures = getattr(request, "batch_count", 1) * getattr(request, "batch_size", 1) * (count_cells(request) or 1)
        return asked | {"pictures": pictures, "seconds": found.seconds, "memory": found.memory}

    def _meant(self, name: str, value: Any, values: Mapping[str, Any]) -> Any:
        control = control_of(self.request, name)
        if control.kind != "prompt" and value == "":
            return None  # Gradio makes "" of a number that was emptied
        if control.kind != "options" or not isinstance(value, Mapping):
            return value
        # What was set for a sampler that is no longer chosen is not shown, so it is not meant.
        registry = self.toolbox.registries.named(control.choices)
        chosen = str(values.get(control.choices.removesuffix("s")))
        known = registry.get(chosen).value.options if chosen in registry else {}
        return {option: number for option, number in value.items() if option in known}

    def larger(self, picture: Picture, values: Mapping[str, Any]) -> Request:
        """The request that draws this one picture again, with hires fix as the form has it; `UserError` as `parse`."""
        asked = dict(picture.request)
        if asked.get("variation_strength"):
            asked["variation_seed"] += picture.index
        asked |= {"seed": picture.seed, "batch_count": 1, "batch_size": 1, "hires": True}
        own = {
            name: values[name] for name in self.names if control_of(self.request, name).of == "hires" and name in values
        }
        meant = {name: self._meant(name, value, values) for name, value in own.items()}
        asked |= {name: value for name, value in meant.items() if value is not None}
        return self.toolbox.parse(self.request.task, asked)

    def fold(self, names: Sequence[str]) -> dict[str, Any]:
        """What a folded group must know to say in its title what inside differs from the defaults."""
        fields = self.request.model_fields
        switches = [control_of(self.request, name).of for name in names]
        return {
            "task": self.request.task,
            # What the checkpoint fills differs from nothing, and nobody chose it.
            "fields": {name: self._shown(name, fields[name].default) for name in names if not self.is_open(name)},
            "switched": next((name for name in switches if name in names), ""),
        }

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
            return _are_named(value, "adapter")
        if control.kind == "stages":
            return _are_named(value, "restorer")
        if control.kind == "steers":
            return _are_named(value, "steer")
        if control.kind == "styles":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        if control.kind in ("options", "plot"):
            return isinstance(value, Mapping)
        if control.kind in PICTURE_KINDS:
            return self._is_kept(value)
        if control.same and value == "":
            return True
        if not isinstance(value, str | int | float):
            return False
        if control.choices in SHELVES:
            return self._found(str(value), SHELVES[control.choices]) is not None
        fixed = str(value) in dict(control.options) or not control.choices
        network = control.choices == "upscalers" and self._found(str(value), "restorer") is not None
        return fixed or network or str(value) in self.toolbox.registries.named(control.choices)

    def _is_kept(self, value: object) -> bool:
        """Whether this is the id of a picture that is still there."""
        try:
            return isinstance(value, str) and self.toolbox.picture_path(value).is_file()
        except UserError:
            return False

    def _open(self, values: Values, checkpoint: CatalogEntry | None) -> Values:
        defaults = checkpoint.defaults if checkpoint else {}
        missing = {name for name, value in values.items() if value is None and self.is_open(name)}
        return {name: self._id(name, defaults.get(name)) if name in missing else values[name] for name in values}

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


def _are_named(value: object, key: str) -> bool:
    """Whether this is a list as the form keeps it; a model whose file has gone meanwhile stays, and is said."""
    return isinstance(value, list) and all(isinstance(one, Mapping) and one.get(key) for one in value)
