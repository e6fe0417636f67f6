"""A plot's axes to its cells, each an ordinary request; and these to a plan that no file can change any more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, TypeVar

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.schema.axes import AxisError
from sdtoolbox.schema.plots import AXES, MOST_CELLS, Cell, Plan, Plot
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.tasks.axes import SEEDS, SPECIAL, Choice, Values, choices_of, drawn, matrix_choices, split_options

R = TypeVar("R", bound=Request)
Place = tuple[int, int, int]
MOST_CHARACTERS = 4_000_000
"""Of a whole plan: a job is a row that everybody reads."""
HEAVY = ("checkpoints", "vaes", "adapters")
"""What takes long to change: cells that agree in it are drawn one after another."""
OWN_KINDS = ("prompt", "styles", "adapters", "hidden")
"""Fields that a plot keeps as they were typed: its axes, and whoever draws it again, look for words in them."""
NO_CHOICE = [Choice("", lambda values: values)]


def planned(request: R, resolve: Callable[[R], R]) -> R:
    """The request with the plan of its plot; unchanged if it has one already.

    `resolve` makes an ordinary request concrete. Seeds are drawn once for all cells. UserError, for the field "plot",
    for a mistake in an axis, for a value that cannot be drawn, for too many cells.
    """
    plot: Plot = getattr(request, "plot")  # noqa: B009 - only some requests have one
    if plot.plan is not None:
        return request
    axes = _axes(plot, request)
    count = math.prod(map(len, axes))
    if count > MOST_CELLS:
        raise UserError("PARAM_INVALID", f"the plot has {count} cells.", f"At most {MOST_CELLS} can be drawn.", "plot")
    base = {**request.model_dump(), "plot": None}
    seeds = {name: drawn(-1) for name in SEEDS}
    cells = [(place, _cell(base, choices, seeds, type(request), resolve)) for place, choices in _places(axes)]
    own = type(request).parse(base | _common(type(request), [cell for _, cell in cells]))
    said = own.model_dump(mode="json")
    legends = tuple(tuple(choice.legend for choice in axis) for axis in axes)
    plan = Plan(
        legends=(legends[0], legends[1], legends[2]),
        cells=tuple(Cell(place=place, changes=_changes(said, cell)) for place, cell in _in_order(cells)),
    )
    if len(plan.model_dump_json()) > MOST_CHARACTERS:
        raise UserError(
            "PARAM_INVALID", "the plot is too large to keep.", "Use fewer cells or shorter prompts.", "plot"
        )
    return own.model_copy(update={"plot": plot.model_copy(update={"plan": plan})})


def count_cells(request: Request) -> int:
    """How many cells the axes of a request make, none without a plot; UserError as `planned`."""
    plot: Plot | None = getattr(request, "plot", None)
    return 0 if plot is None else math.prod(map(len, _axes(plot, request)))


def cells_of(request: R) -> list[tuple[Place, R]]:
    """The cells of a planned plot in the order in which they are drawn, each as its own resolved request."""
    plan: Plan = getattr(request, "plot").plan  # noqa: B009 - as above
    own = request.model_dump(mode="json") | {"plot": None}
    return [(cell.place, type(request).parse(own | cell.changes)) for cell in plan.cells]


def _axes(plot: Plot, request: Request) -> list[list[Choice]]:
    given = {name: axis for name in AXES if (axis := getattr(plot, name)) is not None}
    matrices = [name for name, axis in given.items() if axis.field.strip().casefold() in SPECIAL["prompt_matrix"]]
    if matrices == ["x"] and "y" not in given:
        # A matrix alone is nearly square: half of the parts go down, as everybody who knows it expects.
        options = split_options(getattr(request, "prompt", ""))[1:]
        half = -(-len(options) // 2)
        try:
            choices = [matrix_choices(options[:half]), matrix_choices(options[half:])]
        except AxisError as error:
            raise UserError("PARAM_INVALID", f"{error}", "Use fewer parts.", "plot") from None
        if options:
            return [*choices, choices_of(given["z"], "z", request) if "z" in given else NO_CHOICE]
    return [choices_of(given[name], name, request) if name in given else NO_CHOICE for name in AXES]


def _places(axes: Sequence[Sequence[Choice]]) -> list[tuple[Place, list[Choice]]]:
    x, y, z = axes
    return [((i, j, k), [x[i], y[j], z[k]]) for k, j, i in product(range(len(z)), range(len(y)), range(len(x)))]


def _cell(base: Values, choices: Sequence[Choice], seeds: Values, cls: type[R], resolve: Callable[[R], R]) -> R:
    values = base
    for choice in choices:
        values = choice.apply(values)
    open_seeds = [name for name, switch in SEEDS.items() if values.get(name) == -1 and values.get(switch, True)]
    values = {**values, **{name: seeds[name] for name in open_seeds}}
    try:
        return resolve(cls.parse(values))
    except UserError as error:
        problem = error.problems[0] if isinstance(error, InvalidRequest) else error
        where = ", ".join(choice.legend for choice in choices if choice.legend)
        said = f"the plot's cell {where[:200]!r} cannot be drawn: {problem.message}"
        raise UserError(problem.code, said, problem.hint, "plot") from None


def _common(cls: type[Request], cells: Sequence[Request]) -> dict[str, Any]:
    """The values in which all cells agree: what was open in the plot itself is concrete then."""
    common = {}
    for name in cls.model_fields:
        values = [getattr(cell, name) for cell in cells]
        if control_of(cls, name).kind not in OWN_KINDS and all(value == values[0] for value in values):
            common[name] = values[0]
    return common


def _changes(own: Values, cell: Request) -> dict[str, Any]:
    values = cell.model_dump(mode="json")
    return {name: value for name, value in values.items() if value != own[name]}


def _in_order(cells: Sequence[tuple[Place, R]]) -> list[tuple[Place, R]]:
    heavy = [name for name in type(cells[0][1]).model_fields if control_of(type(cells[0][1]), name).choices in HEAVY]
    seen: dict[str, int] = {}
    for _, cell in cells:
        seen.setdefault(repr([getattr(cell, name) for name in heavy]), len(seen))
    return sorted(cells, key=lambda one: seen[repr([getattr(one[1], name) for name in heavy])])
