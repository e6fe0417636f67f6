"""Embeddings by name: the words of a prompt that stand for vectors somebody trained (Gal et al. 2022)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping

from torch import Tensor

from sdtoolbox.engine.embeddings import load_embedding
from sdtoolbox.engine.identity import Identities, Identity, version_of
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry

Vectors = Mapping[str, Tensor]
"""By part name of the text encoder: [n, D], n tokens in place of the word."""


class Words:
    """The embeddings that fit one checkpoint, as one lease sees them; each is loaded when a prompt names it."""

    def __init__(self, catalog: Catalog, checkpoint: CatalogEntry, shelf: Shelf) -> None:
        self._catalog = catalog
        self._base = checkpoint.base
        self._shelf = shelf
        self._used: dict[str, tuple[CatalogEntry, Identity]] = {}

    def __call__(self, prompt: str) -> dict[str, Vectors]:
        """The embeddings whose names stand in the prompt as words, in any case; the errors of `load_embedding`."""
        text = prompt.casefold()
        found: dict[str, Vectors] = {}
        for entry in self._catalog.ready("embedding"):
            if entry.base == self._base and entry.name not in found and _stands_in(text, entry.name.casefold()):
                found[entry.name], identity = self._shelf.take(entry)
                self._used.setdefault(entry.id, (entry, identity))
        return found

    @property
    def used(self) -> list[tuple[CatalogEntry, Identity]]:
        """Those that a prompt of this lease has named."""
        return list(self._used.values())


def _stands_in(text: str, name: str) -> bool:
    if name not in text:  # most do not: this is quick where there are thousands
        return False
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


class Shelf:
    """Loaded embeddings of all checkpoints: a few kilobytes each, so none is ever put away."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._loaded: dict[str, tuple[Hashable, Vectors, Identity]] = {}

    def take(self, entry: CatalogEntry) -> tuple[Vectors, Identity]:
        """The vectors of an embedding and its identity; loaded anew when its file has changed."""
        version = version_of(entry)
        known = self._loaded.get(entry.id)
        if known is None or known[0] != version:
            known = version, load_embedding(entry), self._identities.of(entry, version)
            self._loaded[entry.id] = known
        return known[1], known[2]
