"""The steers of a request: held against what is registered, then put around the denoiser, one around the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import Code, UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.protocols import Denoiser, Steer, TaskContext
from sdtoolbox.registered import SteerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.steers import ChosenSteer
from sdtoolbox.tasks.options import checked_options

if TYPE_CHECKING:
    from torch import Tensor

FIELD = "steers"


def resolve_steers(request: Request, values: dict[str, Any], registries: Registries, problems: list[UserError]) -> None:
    """Put the steers into `values`, by their ids and with each option in its own type; add to `problems`."""
    given: tuple[ChosenSteer, ...] = getattr(request, FIELD, ())
    found = []
    for one in given:
        try:
            entry = registries.steers.get(one.steer, FIELD)
            options = checked_options(f"steer {entry.label}", entry.value.options, one.options, FIELD)
        except UserError as error:
            problems.append(error)
            continue
        found.append({"steer": entry.id, "options": options})
    if given:
        values[FIELD] = tuple(found)


def registered_steers(request: Drawing, ctx: TaskContext, offered: Mapping[str, Any]) -> Iterator[Steer]:
    """The steers of a resolved request, from the inside out; `offered` has what they may need, by name.

    EXTENSION_FAILED where a steer gives no denoiser, or its denoiser another shape; NUMERIC where what it makes of
    finite numbers is not finite. `EXTENSION_FAILED` too if the steer's extension is off by now.
    """
    for one in request.steers:
        entry: Entry[SteerInfo] = ctx.registries.steers.get(one.steer, FIELD)
        needed = {name: offered[name] for name in entry.value.needs}
        yield _watched(entry, needed | one.options)


def _watched(entry: Entry[SteerInfo], named: Mapping[str, Any]) -> Steer:
    def steer(denoise: Denoiser) -> Denoiser:
        steered = entry.value.function(denoise, **named)
        if not callable(steered):
            raise _failed("EXTENSION_FAILED", entry, f"gave {type(steered).__name__} instead of a denoiser")

        def watched(x: Tensor, sigma: float) -> Tensor:
            estimate = steered(x, sigma)
            if getattr(estimate, "shape", None) != x.shape:
                got = getattr(estimate, "shape", type(estimate).__name__)
                raise _failed("EXTENSION_FAILED", entry, f"gave {got} instead of {x.shape}")
            if not bool(estimate.isfinite().all()):
                raise _failed("NUMERIC", entry, f"gave numbers that are not finite at noise level {sigma:.4g}")
            return estimate  # type: ignore[no-any-return]

        return watched

    return steer


def _failed(code: Code, entry: Entry[SteerInfo], said: str) -> UserError:
    hint = "Leave it out or change its options; tell its author."
    return UserError(code, f"the steer {entry.label} of {entry.owner} {said}.", hint, FIELD)
