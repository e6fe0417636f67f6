"""The models that a request names, lent to its task with what the request changes inside of them."""

from __future__ import annotations

from sdtoolbox.changes import Change, FreeU, Seamless
from sdtoolbox.protocols import DiffusionModel
from sdtoolbox.schema.drawing import Drawing
from sdtoolbox.tasks.leases import Loan, Seat, Wanted


def lent(seat: Seat, request: Drawing, field: str = "checkpoint") -> Loan:
    """The model that a field of the request names, with what the request changes inside of it."""
    wanted = Wanted(getattr(request, field), request.adapters, request.vae, lenient=field != "checkpoint")
    changes: list[Change] = []
    weights = FreeU(request.freeu_b1, request.freeu_b2, request.freeu_s1, request.freeu_s2)
    if weights != FreeU():
        changes.append(weights)
    if request.tiling != "none":
        both = request.tiling == "both"
        changes.append(Seamless(both or request.tiling == "horizontal", both or request.tiling == "vertical"))
    return Loan(seat, wanted, tuple(changes))


def drawn_with(
    request: Drawing, model: DiffusionModel, refiner: DiffusionModel | None, **others: DiffusionModel
) -> dict[str, DiffusionModel]:
    """The models that drew, by the field that names each; fields that are empty are left out."""
    named = {"checkpoint": model, **others} | ({"refiner": refiner} if refiner is not None else {})
    return {field: one for field, one in named.items() if getattr(request, field)}
