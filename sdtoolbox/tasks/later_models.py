"""The checkpoints of later passes: found, and known to take over what the first one drew."""

from __future__ import annotations

from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.fit import base_word, share_latents
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.tasks.enlarging import on_pictures


def resolve_later_models(
    request: Request,
    values: dict[str, Any],
    checkpoint: CatalogEntry | None,
    catalog: Catalog,
    registries: Registries,
    problems: list[UserError],
) -> None:
    """Put the ids of all checkpoints but the first into `values`; add to `problems`.

    One that goes on with latents must have the same ones. A field of a pass that is off is not looked at.
    """
    before = checkpoint
    # The refiner makes the last steps of whichever pass comes last.
    for name in sorted(type(request).model_fields, key="refiner".__eq__):
        control = control_of(type(request), name)
        off = control.of and not values[control.of]
        if control.choices != "checkpoints" or name == "checkpoint" or values[name] is None or off:
            continue
        try:
            found = catalog.find(values[name], field=name)
            values[name] = found.id
            if before is not None and not _through_pictures(name, values, registries):
                _check(before, found, name)
        except UserError as error:
            problems.append(error)
        else:
            before = found


def _through_pictures(name: str, values: dict[str, Any], registries: Registries) -> bool:
    """Whether the pass of this model begins with pictures: then any model may go on."""
    return name == "hires_checkpoint" and on_pictures(str(values.get("hires_upscaler")), registries)


def _check(before: CatalogEntry, after: CatalogEntry, field: str) -> None:
    if not share_latents(before.base, after.base):
        raise UserError(
            "MODEL_TYPE",
            f"{after.name} cannot go on with what {before.name} drew: one is {base_word(after.base)}, "
            f"the other {base_word(before.base)}, and their latents differ.",
            "Choose a checkpoint of the same family"
            + (", or an upscaler of pictures such as Lanczos." if field == "hires_checkpoint" else "."),
            field,
        )
