"""Where extensions lie: files and folders dropped in, and installed packages."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

GROUP = "sdtoolbox"
"""The group of entry points by which installed packages say that they are extensions."""


@dataclass(frozen=True, slots=True)
class Source:
    """An extension that was found: a drop-in `file`, or the `module` of an installed package."""

    name: str
    file: Path | None = None
    module: str = ""
    distribution: str = ""  # "package 1.2"
    shipped: bool = False  # with the toolbox itself
    settings: str = "{}"  # its own, as somebody chose them, in JSON

    @property
    def place(self) -> str:
        """Where it is, for people: the file's or folder's name, or the package."""
        if self.file is None:
            return self.distribution
        return f"{self.file.parent.name}/" if self.file.name == "__init__.py" else self.file.name

    def files(self) -> list[Path]:
        """Its Python files, the one that is imported first."""
        first = self.file or _origin(self.module)
        if first is None:
            return []
        if first.name != "__init__.py":
            return [first]
        return [first, *sorted(path for path in first.parent.rglob("*.py") if path != first)]

    def fingerprint(self) -> str:
        """SHA-256, in hex, of what all its Python files and its settings hold; another one as soon as any changes."""
        digest = hashlib.sha256(f"{self.name}\0{self.module}\0{self.distribution}".encode())
        for path in self.files():
            data = path.read_bytes()
            digest.update(f"\0{path.name}\0{len(data)}\0".encode())
            digest.update(data)
        if self.settings != "{}":
            digest.update(f"\0settings\0{self.settings}".encode())
        return digest.hexdigest()


def find(
    folders: Iterable[Path], shipped: Path | None = None, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Source]:
    """Drop-in extensions in the folders' order, by name within one, then the installed ones; `_x.py` is skipped.

    `settings` are the chosen values of extensions' own settings, by name.
    """
    chosen = {name: json.dumps(values, sort_keys=True, default=str) for name, values in (settings or {}).items()}
    found = [*_dropped_in(folders, shipped), *_installed()]
    return [replace(one, settings=chosen.get(one.name, one.settings)) for one in found]


def _dropped_in(folders: Iterable[Path], shipped: Path | None) -> Iterator[Source]:
    for folder in dict.fromkeys(folders):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            file = path / "__init__.py" if path.is_dir() else path
            if path.name[0] not in "._" and file.suffix == ".py" and file.is_file():
                yield Source(path.stem, file, shipped=folder == shipped)


def _installed() -> Iterator[Source]:
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: one.name):
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module
        yield Source(point.name, module=point.module, distribution=package)


def _origin(module: str) -> Path | None:
    """The file of a module, or of the package that it is in: the latter alone can be found without an import."""
    try:
        spec = importlib.util.find_spec(module.split(".")[0])
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None
