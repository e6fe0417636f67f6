"""What a lease adds to a picture's environment: VAE, adapters, embeddings, and how the weights were held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdtoolbox.engine.identity import Identity
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.words import Words
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.adapters import Adapter


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Called when the environment is read: only then are the hashes waited for."""

    policy: Policy
    vae: tuple[CatalogEntry, Identity] | None
    adapters: Sequence[tuple[CatalogEntry, Identity, Adapter]]
    words: Words

    def __call__(self) -> dict[str, Any]:
        """JSON values; what is not used is not mentioned."""
        found: dict[str, Any] = {"policy": self.policy.described(), "attention": self.policy.attention}
        if self.vae is not None:
            found["vae"] = _named(*self.vae)
        if self.adapters:
            found["adapters"] = [
                _named(entry, identity)
                | {"weight": adapter.weight, "text_weight": adapter.on_text, "blocks": adapter.blocks}
                for entry, identity, adapter in self.adapters
            ]
        if self.words.used:
            found["embeddings"] = [_named(entry, identity) for entry, identity in self.words.used]
        return found


def _named(entry: CatalogEntry, identity: Identity) -> dict[str, Any]:
    return {"id": entry.id, "name": entry.name, "sha256": identity()}
