"""Which extensions a person has switched off: a small JSON file in the home folder that every process reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sdtoolbox.extensions.keeping import keep


@dataclass(frozen=True, slots=True)
class States:
    """The names of those that are off; `generation` rises with every change and every reload."""

    disabled: frozenset[str] = frozenset()
    generation: int = 0

    @classmethod
    def read(cls, file: Path) -> States:
        """What the file says; nothing is off if it is not there or says nothing of the kind."""
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            return cls(frozenset(map(str, values["disabled"])), int(values["generation"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def changed(self, *, enable: str | None = None, disable: str | None = None) -> States:
        """The next generation, with one of them switched on or off, or none."""
        disabled = (self.disabled | ({disable} if disable else set())) - ({enable} if enable else set())
        return States(disabled, self.generation + 1)

    def write(self, file: Path) -> None:
        """Replace the file as a whole."""
        keep(file, {"disabled": sorted(self.disabled), "generation": self.generation})
