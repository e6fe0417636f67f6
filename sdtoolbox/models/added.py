"""Networks of architectures that extensions know: told by their functions, which are strangers here.

They are asked only of files that nothing known fits. What they say depends on which extensions are on, so the index
keeps with it which these were, and it is asked anew when others are.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.limited import limited
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.recognition import Names, Recognition
from sdtoolbox.registered import ArchitectureInfo
from sdtoolbox.registry import Entry, Registry

log = logging.getLogger(__name__)
SECONDS = 2.0
"""After which a function that looks at names is not waited for, and not asked again by this process."""
LARGEST_SCALE = 16
MARK = "+"
"""In a mark: what follows says which extensions had been asked."""
NOBODY = "nobody"


class AddedArchitectures:
    """What extensions have registered now; None where extensions are not loaded. Safe to use from any thread."""

    def __init__(self, registry: Callable[[], Registry[ArchitectureInfo]] | None = None) -> None:
        self._registry = registry
        self._hung: set[Entry[ArchitectureInfo]] = set()

    def recognise(self, names: Names, unknown: Recognition) -> Recognition:
        """What a file that is `unknown` is to the first one that knows it; unknown still if none does.

        The reason then says which of them failed at it.
        """
        shapes = MappingProxyType({name: tensor.shape for name, tensor in names.tensors.items()})
        for entry in self._registry() if self._registry else ():
            if entry in self._hung:
                continue
            try:
                scale = _scale(limited(entry.value.detect, (shapes,), SECONDS))
            except (Exception, SystemExit) as error:  # whatever an author's function does, the scan goes on
                log.warning("the architecture %s of %s failed", entry.label, entry.owner, exc_info=True)
                if isinstance(error, TimeoutError):
                    self._hung.add(entry)
                said = f"{type(error).__name__}: {error}"[:200].rstrip(": .")
                failed = f"the architecture {entry.label} of the extension {entry.owner} failed to look at it ({said})"
                unknown = replace(unknown, reason=f"{unknown.reason}; {failed}")
            else:
                if scale is not None:
                    told = replace(unknown, kind="restorer", variant=entry.id, extension=entry.owner, scale=scale)
                    return replace(told, state="ready", reason="")
        return unknown

    def get(self, entry: CatalogEntry, field: str) -> Entry[ArchitectureInfo] | None:
        """The architecture of a network, None if no extension is needed for it.

        EXTENSION_FAILED if its extension is not there.
        """
        if not entry.extension:
            return None
        known = self._registry() if self._registry else Registry[ArchitectureInfo]("architecture")
        if entry.variant not in known and known.absent(entry.variant) is None:
            said = f"{entry.name} cannot be used: {self._lacking(entry)}."
            raise UserError("EXTENSION_FAILED", said, "Add it again, or choose another network.", field)
        return known.get(entry.variant, field)

    def without(self, entry: CatalogEntry, unknown: Recognition) -> Recognition:
        """What a file is that was recognised when it became `entry`, and is now `unknown`: it lacks its extension."""
        if not entry.extension:
            return unknown
        told = replace(unknown, kind="restorer", variant=entry.variant, extension=entry.extension, scale=entry.scale)
        return replace(told, state="unsupported", reason=self._lacking(entry))

    def _lacking(self, entry: CatalogEntry) -> str:
        why = self._registry().absent(entry.variant) if self._registry else None
        how = f"is off: {why.reason.rstrip('.')}" if why else "is not here"
        return f"it needs the extension {entry.extension}, which {how}"

    # What the index keeps

    def mark(self, entry: CatalogEntry, mark: str) -> str:
        """The mark of a file with what its entry depends on besides."""
        asked = entry.layout == "file" and (entry.state == "unknown" or entry.extension)
        return f"{mark}{MARK}{self._fingerprint()}" if asked else mark

    def outdated(self, mark: str) -> bool:
        """Whether other extensions had been asked when this mark was made."""
        _, found, asked = mark.partition(MARK)
        return bool(found) and self._registry is not None and asked != self._fingerprint()

    def _fingerprint(self) -> str:
        if self._registry is None:
            return NOBODY
        known = self._registry()
        there = [[entry.id, entry.owner, entry.value.version, entry.value.sha256] for entry in known]
        away = [[name, why.owner, why.reason] for name, why in sorted(known.all_absent().items())]
        return hashlib.sha256(json.dumps([there, away]).encode()).hexdigest()[:16]


def of_file(mark: str) -> str:
    """The part of a mark that only the file decides about."""
    return mark.partition(MARK)[0]


def _scale(told: Any) -> int | None:
    """What a `detect` function said; TypeError, ValueError if it may not say that."""
    if told is None or told is False:
        return None
    if not isinstance(told, int):
        raise TypeError(f"it said {type(told).__name__} in place of a whole number or None")
    if not 1 <= told <= LARGEST_SCALE:
        raise ValueError(f"it said {told} in place of 1 to {LARGEST_SCALE}")
    return int(told)
