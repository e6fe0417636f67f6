"""What could stand in for a model that is not here: named to a person, never taken unasked."""

from __future__ import annotations

from difflib import SequenceMatcher

from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import Kind

FEW = 3


def stand_ins(catalog: Catalog, name: str, kind: Kind, base: str = "unknown") -> list[str]:
    """The names of at most three usable models of a kind, those made for `base` first, then those of a near name.

    Models that were made for another base are left out, unless one of the two bases is not known.
    """
    wanted = name.casefold()
    fitting = [entry for entry in catalog.ready(kind) if "unknown" in (base, entry.base) or entry.base == base]
    near = {entry.id: SequenceMatcher(None, wanted, entry.name.casefold()).quick_ratio() for entry in fitting}
    fitting.sort(key=lambda entry: (entry.base != base, -near[entry.id], entry.name))
    return list(dict.fromkeys(entry.name for entry in fitting))[:FEW]
