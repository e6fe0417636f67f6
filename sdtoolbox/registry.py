"""A named, ordered, owned collection: the one shape behind samplers, schedules, tasks, tabs and all else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from sdtoolbox.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Absent:
    """Why something is not registered that an extension would add."""

    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One registered thing: `id` for machines, `label` for people, `owner` is the extension it came from."""

    id: str
    label: str
    owner: str
    value: T


class Registry(Generic[T]):
    """Entries in order of registration, found by id or label in any case.

    Ids and labels share one namespace: whatever a person types means one thing or nothing.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._entries: dict[str, Entry[T]] = {}
        self._names: dict[str, str] = {}
        self._absent: dict[str, Absent] = {}

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        return name.strip().casefold() in self._names

    def ids(self) -> list[str]:
        """All ids, in order of registration."""
        return list(self._entries)

    def copied(self) -> Registry[T]:
        """Another one with the same entries."""
        other: Registry[T] = Registry(self.noun)
        other._entries, other._names, other._absent = dict(self._entries), dict(self._names), dict(self._absent)
        return other

    def miss(self, name: str, why: Absent) -> None:
        """Remember why there is nothing of this id or label."""
        self._absent[name.strip().casefold()] = why

    def absent(self, name: str) -> Absent | None:
        """Why there is nothing of this id or label, if that is known and nothing else has the name."""
        return None if name in self else self._absent.get(name.strip().casefold())

    def all_absent(self) -> dict[str, Absent]:
        """Why there is nothing of some names, which are in lower case."""
        return {name: why for name, why in self._absent.items() if name not in self._names}

    def clash(self, entry: Entry[T]) -> str | None:
        """Why `entry` cannot be added, naming both owners, or None if it can."""
        for name in (entry.id, entry.label):
            if (taken := self._names.get(name.casefold())) is not None:
                owner = self._entries[taken].owner
                return f"the {self.noun} name {name!r} of {entry.owner} is already taken by {owner}"
        return None

    def add(self, entry: Entry[T]) -> None:
        """Add one entry; ValueError if its id or label is taken, and then nothing has changed."""
        if (reason := self.clash(entry)) is not None:
            raise ValueError(reason)
        self._entries[entry.id] = entry
        for name in (entry.id, entry.label):
            self._names[name.casefold()] = entry.id

    def get(self, name: str, field: str | None = None) -> Entry[T]:
        """The entry with this id or label; UserError that lists what there is if there is none.

        EXTENSION_FAILED if the extension that has it is off.
        """
        found = self._names.get(name.strip().casefold())
        if found is None and (absent := self._absent.get(name.strip().casefold())) is not None:
            said = f"the {self.noun} {name[:80]} is part of the extension {absent.owner}, which is off: {absent.reason}"
            raise UserError("EXTENSION_FAILED", said, "Switch it on, then try again, or choose another.", field)
        if found is None:
            known = ", ".join(entry.label for entry in self)
            raise UserError(
                "PARAM_INVALID", f"there is no {self.noun} {name[:80]!r}.", f"There are: {known or 'none'}.", field
            )
        return self._entries[found]
