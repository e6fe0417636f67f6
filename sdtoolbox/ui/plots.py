"""What the control of a plot must know: the fields that can vary, and how many pictures its axes make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import SHELVES
from sdtoolbox.schema.plots import MOST_CELLS
from sdtoolbox.schema.requests import Request, control_of, shown_fields
from sdtoolbox.tasks.axes import NOT_VARIED, SPECIAL
from sdtoolbox.tasks.plotting import count_cells
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts, sentence

PROMPT_LINES = 4
NUMBERS = ("slider", "number", "size", "seed")


def varied_fields(
    request: type[Request], texts: Texts, toolbox: Toolbox, label: Callable[[str], str]
) -> list[dict[str, Any]]:
    """`{value, label, group, hint, all, lines}` of everything that an axis may change."""
    fields = [name for name in shown_fields(request) if control_of(request, name).kind not in (*NOT_VARIED, "options")]
    found = [
        {"value": name, "label": label(name), "group": "fields"} | _hint(request, name, texts, toolbox)
        for name in sorted(fields, key=lambda name: control_of(request, name).kind in ("styles", "adapters"))
    ]
    for name in SPECIAL:
        lines = PROMPT_LINES if name == "prompts" else 1
        said = {"label": texts(f"axis.{name}"), "hint": texts(f"axis.{name}.hint"), "lines": lines}
        found.append({"value": name, "group": "special"} | said)
    return found


def _hint(request: type[Request], name: str, texts: Texts, toolbox: Toolbox) -> dict[str, Any]:
    control = control_of(request, name)
    if control.kind in NUMBERS:
        return {"hint": texts("plot.numbers")}
    if control.kind == "flag":
        return {"hint": "true, false", "all": "true, false"}
    names = [value for value, _ in control.options]
    if control.choices and control.choices not in SHELVES:
        names = [entry.label for entry in toolbox.registries.named(control.choices)]
    return {"hint": ", ".join(names[:2]) + (", …" if len(names) > 2 else ""), "all": ", ".join(names)}


def counting(toolbox: Toolbox, request: type[Request], texts: Texts) -> Callable[[Any], dict[str, Any]]:
    """The function that a page asks: `{n}`, or `{error}` with what is wrong."""

    def count(values: Any) -> dict[str, Any]:
        given = values if isinstance(values, Mapping) else {}
        try:
            names = ("plot", "prompt", "negative_prompt")
            asked = toolbox.parse(request.task, {name: given[name] for name in names if given.get(name) is not None})
            cells = count_cells(asked)
        except UserError as error:
            return {"error": sentence(str(error))}
        if cells > MOST_CELLS:
            return {"error": texts("plot.too_many", n=cells, most=MOST_CELLS)}
        return {"n": cells}

    count.__name__ = "count_cells"
    return count
