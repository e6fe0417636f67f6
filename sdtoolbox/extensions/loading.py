"""Loading all extensions: tried first, then merged one by one; each is on as a whole or off with its reason."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sdtoolbox.extensions.descriptors import Descriptor, described, entries_of
from sdtoolbox.extensions.finding import Source, find
from sdtoolbox.extensions.importing import drafted, forget
from sdtoolbox.extensions.keeping import keep
from sdtoolbox.extensions.manifest import Manifest, read_manifest
from sdtoolbox.extensions.registries import Registries
from sdtoolbox.extensions.states import States
from sdtoolbox.extensions.trial import in_words
from sdtoolbox.extensions.trying import Trials
from sdtoolbox.registry import Absent, Entry
from sdtoolbox.settings import Settings

State = Literal["loaded", "quarantined", "disabled"]
DISABLED = "somebody switched it off"


@dataclass(frozen=True, slots=True)
class Report:
    """How one extension fared. `reason` is empty when it is loaded; `details` has a traceback when there is one.

    `adds` are kinds and labels ("sampler Ralston"), of one that is off those that it would add as far as is known.
    `seconds` is how long its import took, wherever and whenever that was.
    """

    name: str
    state: State
    reason: str = ""
    adds: tuple[str, ...] = ()
    seconds: float = 0.0
    details: str = ""
    version: str = ""
    description: str = ""
    place: str = ""
    shipped: bool = False
    installed: bool = False  # as a package: only a new process imports another version of it

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def load_extensions(settings: Settings, registries: Registries, *, again: bool = False) -> list[Report]:
    """Merge every extension that is found and works; a report of each, in order. `again` reads the files anew."""
    if settings.safe_mode:
        return []
    sources = find(settings.all_extension_folders, settings.shipped_extensions, settings.extensions)
    states = States.read(settings.extension_states)
    first = {one.name: one for one in reversed(sources)}
    on = [one for one in sources if first[one.name] is one and one.name not in states.disabled]
    # Those that ship are part of this release and tested with it.
    strangers = [one for one in on if not one.shipped]
    outcomes = Trials(settings.extension_cache).outcomes(strangers, settings.extension_patience)
    known = _Known(settings.extension_cache / "known.json")
    reports = []
    for source in sources:
        if first[source.name] is not source:
            reason = f"there is another extension of this name: {first[source.name].place}"
            reports.append(_report(source, "quarantined", reason))
        elif source.name in states.disabled:
            reports.append(_report(source, "disabled", DISABLED))
        else:
            if again:
                forget(source)
            reports.append(_loaded(source, outcomes.get(source), registries))
        known.update(reports[-1], registries)
    known.tell(registries, reports)
    return [one if one.adds else replace(one, adds=known.labels(one.name, registries)) for one in reports]


def _loaded(source: Source, outcome: Descriptor | None, registries: Registries) -> Report:
    """Merge one extension whose trial, if it had one, ended well."""
    if outcome is not None and outcome.reason:
        return _report(source, "quarantined", outcome.reason, outcome)
    began = time.perf_counter()
    try:
        if outcome is not None and outcome.whole:
            draft = entries_of(outcome, source)
        else:
            extension = drafted(source)
            draft = extension.draft
            if outcome is None:
                took = time.perf_counter() - began
                outcome = Descriptor(_manifest(source), described(extension), took)
        registries.merge(draft)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's mistake must not take the toolbox down
        failed = replace(outcome or Descriptor(Manifest()), details="".join(traceback.format_exception(error)))
        return _report(source, "quarantined", in_words(error).removeprefix("ValueError: "), failed)
    return _report(source, "loaded", "", outcome, _labels(draft, registries))


def _manifest(source: Source) -> Manifest:
    files = source.files()
    return read_manifest(files[0].read_text(encoding="utf-8")) if files else Manifest()


def _labels(draft: Sequence[tuple[str, Entry[Any]]], registries: Registries) -> tuple[str, ...]:
    return tuple(f"{registries.named(kind).noun} {entry.label}" for kind, entry in draft)


def _report(
    source: Source, state: State, reason: str, outcome: Descriptor | None = None, adds: tuple[str, ...] = ()
) -> Report:
    outcome = outcome or Descriptor(Manifest())
    return Report(
        source.name,
        state,
        reason,
        adds,
        outcome.seconds,
        outcome.details,
        outcome.manifest.version,
        outcome.manifest.description,
        source.place,
        source.shipped,
        source.file is None,
    )


class _Known:
    """What each extension added when it was last loaded: requests may name it while the extension is off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._adds: dict[str, list[list[str]]] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._adds = {}
        self._before = json.dumps(self._adds, sort_keys=True)

    def update(self, report: Report, registries: Registries) -> None:
        """Note what a loaded one has added."""
        if report.state == "loaded":
            self._adds[report.name] = [
                [kind, entry.id, entry.label]
                for kind, registry in registries.by_name().items()
                for entry in registry
                if entry.owner == report.name
            ]

    def tell(self, registries: Registries, reports: Sequence[Report]) -> None:
        """Let the registries say why something is not there; keep what was noted."""
        for report in reports:
            if report.state != "loaded":
                why = Absent(report.name, f"{report.reason}.")
                named = {(kind, name): why for kind, *names in self._adds.get(report.name, []) for name in names}
                registries.miss(named)
        if json.dumps(self._adds, sort_keys=True) != self._before:
            keep(self._file, self._adds)

    def labels(self, name: str, registries: Registries) -> tuple[str, ...]:
        """What it would add, in words."""
        return tuple(f"{registries.named(kind).noun} {label}" for kind, _, label in self._adds.get(name, []))
