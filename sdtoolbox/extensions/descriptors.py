"""What an extension adds, as JSON: enough to build forms, flags and lists without importing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.extension import Extension
from sdtoolbox.extensions.finding import Source
from sdtoolbox.extensions.importing import drafted
from sdtoolbox.extensions.manifest import Manifest
from sdtoolbox.registered import (
    FillerInfo,
    HookInfo,
    PreprocessorInfo,
    RestorerInfo,
    SamplerInfo,
    ScheduleInfo,
    SteerInfo,
    UpscalerInfo,
)
from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import Option

DESCRIBED: Mapping[str, type[Any]] = {
    "samplers": SamplerInfo,
    "schedules": ScheduleInfo,
    "upscalers": UpscalerInfo,
    "fillers": FillerInfo,
    "restorers": RestorerInfo,
    "preprocessors": PreprocessorInfo,
    "steers": SteerInfo,
    "hooks": HookInfo,
}
"""The kinds of which the web process needs no more than a description; for others it imports the extension."""


@dataclass(frozen=True, slots=True)
class Described:
    """One registered thing; `value` is None where it cannot be described."""

    kind: str
    id: str
    label: str
    value: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The outcome of a trial: what an extension adds, or the reason why it is off, with a traceback if there is one."""

    manifest: Manifest
    adds: tuple[Described, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    details: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing of it needs an import before it is used."""
        return bool(self.adds) and all(one.value is not None for one in self.adds)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Descriptor:
        """The reverse; KeyError or TypeError if it is none."""
        manifest = Manifest(**{**values["manifest"], "needs": tuple(values["manifest"]["needs"])})
        adds = tuple(Described(**one) for one in values["adds"])
        return cls(manifest, adds, float(values["seconds"]), str(values["reason"]), str(values["details"]))


def described(extension: Extension) -> tuple[Described, ...]:
    """What a draft holds."""
    return tuple(
        Described(kind, entry.id, entry.label, _values(entry.value) if kind in DESCRIBED else None)
        for kind, entry in extension.draft
    )


def entries_of(descriptor: Descriptor, source: Source) -> list[tuple[str, Entry[Any]]]:
    """The entries of a descriptor that is whole: their functions import the extension when they are first called."""
    made = []
    for one in descriptor.adds:
        assert one.value is not None, "only whole descriptors make entries"
        info = DESCRIBED[one.kind](function=_later(source, one.kind, one.id), **_read(one.value))
        made.append((one.kind, Entry(one.id, one.label, source.name, info)))
    return made


def _later(source: Source, kind: str, identity: str) -> Callable[..., Any]:
    found: list[Callable[..., Any]] = []

    def call(*given: Any, **named: Any) -> Any:
        if not found:
            draft = drafted(source).draft
            found.extend(entry.value.function for what, entry in draft if (what, entry.id) == (kind, identity))
        if not found:  # its files are others by now than those that were tried
            said = f"the extension {source.name} does not add {identity} any more."
            raise UserError("EXTENSION_FAILED", said, "Reload the extensions, then try again, or choose another.")
        return found[0](*given, **named)

    call.__name__ = identity
    return call


def _values(info: Any) -> dict[str, Any]:
    values = {one.name: getattr(info, one.name) for one in fields(info) if one.name != "function"}
    if "options" in values:
        values["options"] = {name: asdict(option) for name, option in values["options"].items()}
    return values


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the dataclasses hold them: JSON knows no tuples."""
    read = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    if "options" in values:
        options = values["options"].items()
        read["options"] = {name: Option(**{**one, "choices": tuple(one["choices"])}) for name, one in options}
    return read
