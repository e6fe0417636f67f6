"""Where the fields of a form stand: in the first view or in a folded group, and in which order."""

from __future__ import annotations

from collections.abc import Iterable

from sdtoolbox.schema.requests import Request, control_of, picture_fields

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
FOLDS = {
    "mask": -5,
    "outpaint": -4,
    "size": -4,
    "resize": -3,
    "preprocessor": -3,
    "loopback": -2,
    "tiles": -1,
    "batch": 1,
    "more": 2,
}
"""What is peculiar to a task comes first, what few people need last; the others (0) as the request has them."""


def groups(request: type[Request], names: Iterable[str]) -> dict[str, list[str]]:
    """These fields by folded group, each group in its place; the first view is the group without a name.

    A task with a picture always has the group "batch".
    """
    has_picture = bool(picture_fields(request))
    found: dict[str, list[str]] = {"": [], **({"batch": []} if has_picture else {})}
    for name in names:
        own = control_of(request, name).group
        folded = FOLDED_BESIDE_A_PICTURE.get(name, "") if has_picture else ""
        found.setdefault(own or folded, []).append(name)
    found[""].sort(key=lambda name: _place(request, name))
    return dict(sorted(found.items(), key=lambda group: FOLDS.get(group[0], 0)))


def _place(request: type[Request], name: str) -> int:
    # How much is changed and what the checkpoint proposes comes first, then the choices, the seed, how many.
    if name in ("strength", "scale"):
        return -1
    proposed = request.model_fields[name].default is None
    return {"restorer": -1, "adapters": 0, "choice": 1, "seed": 2, "flag": 4}.get(
        control_of(request, name).kind, 0 if proposed else 3
    )
