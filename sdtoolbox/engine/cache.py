"""What is kept in memory, and who goes first when there is no room: the least recently used that nobody uses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.held import Held

Bytes = Mapping[str, int]
"""By kind of device: {"cpu": 492_000_000, "cuda": 1_719_000_000}."""


@dataclass(slots=True, eq=False)
class Slot:
    """Something loaded from the files of one entry in their present version, and by how many it is used just now.

    `measure` tells its size, which changes when weights move to another device. It goes when what it was `made_for`
    goes; `on_drop` is called with it when it is taken out of the cache.
    """

    entry: CatalogEntry
    version: Hashable
    value: Any
    measure: Callable[[], Bytes]
    made_for: Slot | None = None
    bytes: Bytes = field(default_factory=dict)
    on_drop: Callable[[Slot], None] = lambda _: None
    leases: int = 0
    unwanted: bool = False


Key = tuple[str, int]
"""An entry's id, and the identity of the slot that it was made for, 0 for none."""


def key_of(entry: CatalogEntry, made_for: Slot | None = None) -> Key:
    """Where a slot of this entry lies."""
    return entry.id, 0 if made_for is None else id(made_for)


@dataclass(slots=True)
class Cache:
    """Slots within a budget, asked for anew each time as other programs come and go; safe to use from any thread."""

    budget: Callable[[Bytes], Bytes]  # from the bytes held to the bytes that may be
    lock: threading.RLock = field(default_factory=threading.RLock)
    _slots: OrderedDict[Key, Slot] = field(default_factory=OrderedDict)  # the most recently used last

    def drop_other(self, key: Key, version: Hashable) -> bool:
        """Drop what is there in another version, and lives on with those who lease it; whether anything was dropped."""
        with self.lock:
            outdated = key in self._slots and self._slots[key].version != version
            if outdated:
                self._drop(key)
            return outdated

    def take(self, key: Key) -> Slot | None:
        """Lease what is there."""
        with self.lock:
            slot = self._slots.get(key)
            if slot is not None:
                slot.leases += 1
                self._slots.move_to_end(key)
            return slot

    def put(self, slot: Slot) -> Slot:
        """Keep something new, leased once."""
        slot.bytes = slot.measure()
        with self.lock:
            slot.leases += 1
            self._slots[key_of(slot.entry, slot.made_for)] = slot
        return slot

    def give_back(self, slot: Slot) -> None:
        """End one lease."""
        slot.bytes = slot.measure()
        with self.lock:
            slot.leases -= 1

    def make_room(self, needed: Bytes | None = None) -> bool:
        """Drop what nobody uses: all that is unwanted, the rest until `needed` more bytes fit, as far as that goes.

        Whether anything was dropped.
        """
        with self.lock:
            before = len(self._slots)
            idle = [(key, slot.unwanted) for key, slot in self._slots.items() if not slot.leases]
            for key, unwanted in sorted(idle, key=lambda one: not one[1]):
                if not unwanted and self._fits(needed or {}):
                    break
                if key in self._slots:  # it may have gone with another
                    self._drop(key)
            return len(self._slots) < before

    def unload(self, model_id: str) -> bool:
        """Drop everything of this model, what is leased when its lease ends; whether anything was dropped."""
        with self.lock:
            before = len(self._slots)
            for key in [key for key in self._slots if key[0] == model_id]:
                if key in self._slots and self._slots[key].leases:
                    self._slots[key].unwanted = True
                elif key in self._slots:
                    self._drop(key)
            return len(self._slots) < before

    def held(self) -> list[Held]:
        """What is in memory, a row for each entry, the most recently used last."""
        with self.lock:
            rows: dict[str, Held] = {}
            for slot in self._slots.values():
                entry, known = slot.entry, rows.get(slot.entry.id)
                size = sum(slot.bytes.values()) + (known.bytes if known else 0)
                rows[entry.id] = Held(entry.id, entry.name, size, bool(slot.leases) or bool(known and known.leased))
            return list(rows.values())

    def _fits(self, needed: Bytes) -> bool:
        held = self._held_bytes()
        budget = self.budget(held)
        return all(held.get(kind, 0) + needed.get(kind, 0) <= budget[kind] for kind in budget)

    def _held_bytes(self) -> Bytes:
        held: dict[str, int] = {}
        for slot in self._slots.values():
            for kind, size in slot.bytes.items():
                held[kind] = held.get(kind, 0) + size
        return held

    def _drop(self, key: Key) -> None:
        slot = self._slots.pop(key)
        slot.on_drop(slot)
        for other, made in [(other, one) for other, one in self._slots.items() if one.made_for is slot]:
            del self._slots[other]
            made.on_drop(made)
