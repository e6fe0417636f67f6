"""All entries at one moment, in order, ready to be listed and searched; a new moment makes a new one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from sdtoolbox.models.entries import BASES, CatalogEntry

SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")

_Row = tuple[str, str, CatalogEntry]
"""(name, all text to search in, entry), the texts folded to one case."""


class Listing:
    """Entries sorted by folder, then by name; nothing in it ever changes, so any thread may read it."""

    def __init__(self, entries: Iterable[CatalogEntry] = ()) -> None:
        self.entries = tuple(entries)
        self._by_id = {entry.id: entry for entry in self.entries}
        self._by_name: dict[str, list[CatalogEntry]] = {}
        for entry in self.entries:
            self._by_name.setdefault(entry.name.casefold(), []).append(entry)
        rows = [(entry.name.casefold(), _haystack(entry), entry) for entry in self.entries]
        self._rows: list[_Row] = sorted(rows, key=lambda row: row[0])

    def get(self, identity: str) -> CatalogEntry | None:
        """The entry with this id, or None."""
        return self._by_id.get(identity)

    def named(self, name: str) -> list[CatalogEntry]:
        """The entries with this id or name, in any case; a file's ending may stand behind the name."""
        wanted = name.strip().casefold()
        if wanted in self._by_id:
            return [self._by_id[wanted]]
        found = self._by_name.get(wanted)
        if found is None and PurePath(wanted).suffix in SUFFIXES:
            found = self._by_name.get(wanted.rpartition(".")[0])
        return list(found or ())

    def search(
        self, text: str = "", kind: str | None = None, base: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[CatalogEntry]:
        """The entries that hold every word of `text`; those whose name begins with it come first, then by name."""
        words, start = text.casefold().split(), text.strip().casefold()
        rows = [row for row in self._rows if kind in (None, row[2].kind) and base in (None, row[2].base)]
        for word in words:
            rows = [row for row in rows if word in row[1]]
        if not words:
            return [entry for _, _, entry in rows[offset : offset + limit]]
        ranked: tuple[list[CatalogEntry], ...] = ([], [], [])
        for name, _, entry in rows:
            ranked[0 if name.startswith(start) else 1 if all(word in name for word in words) else 2].append(entry)
        return [*ranked[0], *ranked[1], *ranked[2]][offset : offset + limit]


def _haystack(entry: CatalogEntry) -> str:
    words = (entry.name, BASES.get(entry.base, ""), entry.kind, entry.algorithm, entry.variant, entry.description)
    return "\n".join((*words, entry.notes, *entry.trigger_words, *entry.tags)).casefold()
