"""One model in some process's memory, as lists show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint, VAE or adapter that is loaded; `leased` while a job uses it."""

    model_id: str  # of the catalog
    name: str
    bytes: int
    leased: bool
