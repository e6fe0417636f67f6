"""Wildcards: text files in a folder, one line a value, by their place below it without `.txt`."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

from sdtoolbox.errors import UserError

SHOWN = 12  # names in an error message


class Wildcards:
    """The files of a folder, looked at anew when one is asked for; no name leads out of the folder."""

    def __init__(self, folder: Path | None) -> None:
        """None is a folder without files."""
        self._folder = folder
        self._read: dict[Path, tuple[int, list[str]]] = {}
        self._seen: dict[str, Path] | None = None  # the files, where the folder is not to be looked at again
        self._found: dict[str, list[str]] = {}

    def glance(self) -> Wildcards:
        """As they are at this moment: a prompt may ask thousands of times."""
        glance = Wildcards(self._folder)
        glance._read, glance._seen = self._read, self._files()
        return glance

    def names(self) -> list[str]:
        """What may stand between underscores: "colour", "animals/birds"; sorted."""
        return sorted(self._files())

    def values(self, name: str, field: str = "prompt") -> list[str]:
        """The lines of a wildcard, of several if the name has a `*`; empty ones and those that begin with # are none.

        UserError PARAM_INVALID at `field` if there is no such file, or nothing in it.
        """
        if name in self._found:
            return self._found[name]
        files = self._files()
        wanted = fnmatch.filter(files, name.casefold()) if "*" in name else [name.casefold()]
        found = [line for one in wanted if one in files for line in self._lines(files[one])]
        if found:
            if self._seen is not None:
                self._found[name] = found
            return found
        is_empty = any(one in files for one in wanted)
        said = f"the wildcard __{name[:80]}__ has no lines." if is_empty else f"there is no wildcard __{name[:80]}__."
        raise UserError("PARAM_INVALID", f"{field}: {said}", self._hint(files), field)

    def _hint(self, files: dict[str, Path]) -> str:
        names = sorted(files)
        if not names:
            return r"There are none yet: put text files into the folder wildcards, or write \_\_ for the characters."
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"There are: {', '.join(names[:SHOWN])}{more}."

    def _files(self) -> dict[str, Path]:
        if self._seen is not None:
            return self._seen
        if self._folder is None or not self._folder.is_dir():
            return {}
        found = {}
        for place, _, names in os.walk(self._folder):
            for name in names:
                file = Path(place, name)
                if file.suffix.lower() == ".txt":
                    found[file.relative_to(self._folder).with_suffix("").as_posix().casefold()] = file
        return found

    def _lines(self, file: Path) -> list[str]:
        try:
            changed = file.stat().st_mtime_ns
            if file not in self._read or self._read[file][0] != changed:
                lines = [line.strip() for line in file.read_text("utf-8-sig", "replace").replace("\0", "").splitlines()]
                self._read[file] = changed, [line for line in lines if line and not line.startswith("#")]
        except OSError:
            return []
        return self._read[file][1]
