"""Styles: words and settings under a name, in a CSV file as A1111's web UI keeps them."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from sdtoolbox.errors import UserError

COLUMNS = ("name", "prompt", "negative_prompt")
PLACE = "{prompt}"
LARGEST_FILE = 16_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Style:
    """What is put around a prompt and a negative prompt, and values of request fields, as text, by their names."""

    name: str
    prompt: str = ""
    negative_prompt: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


def around(text: str, style: str) -> str:
    """The text where the style says `{prompt}`, else before the style's own words, with a comma between."""
    if PLACE in style:
        return style.replace(PLACE, text)
    return ", ".join(part for part in (text.strip(), style.strip()) if part) if style.strip() else text


def read_styles(text: str, name: str = "the file") -> list[Style]:
    """The styles of a CSV text in their order; of two with one name the last counts; PARAM_INVALID without a name."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True) if any(row)]
    except csv.Error as error:
        raise _unreadable(name, str(error)) from None
    if not rows:
        return []
    header = [cell.strip().casefold() for cell in rows[0]]
    if "name" not in header or "prompt" not in header:
        raise _unreadable(name, "its first line does not name the columns")
    found: dict[str, Style] = {}
    for row in rows[1:]:
        cells = dict(zip(header, row, strict=False))
        title = cells.get("name", "").strip()
        if title:
            settings = {key: value.strip() for key, value in cells.items() if key not in COLUMNS and value.strip()}
            found[title] = Style(title, cells.get("prompt", ""), cells.get("negative_prompt", ""), settings)
    return list(found.values())


def write_styles(styles: Sequence[Style]) -> str:
    """The CSV text of styles: A1111's three columns, then one for each setting that occurs."""
    more = list(dict.fromkeys(key for style in styles for key in style.settings))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *more])
    for style in styles:
        cells = (style.settings.get(key, "") for key in more)
        writer.writerow([style.name, style.prompt, style.negative_prompt, *cells])
    return out.getvalue()


class StyleFile:
    """The styles of a home folder; read anew when the file changes, which may be edited by hand."""

    def __init__(self, path: Path | None) -> None:
        """None is a file without styles."""
        self.path = path
        self._read: tuple[tuple[int, int], list[Style]] | None = None

    def list(self) -> Sequence[Style]:
        """All styles in their order; UserError PARAM_INVALID if the file cannot be read."""
        if self.path is None:
            return []
        try:
            status = self.path.stat()
            version = status.st_mtime_ns, status.st_size
            if self._read is None or self._read[0] != version:
                self._read = version, read_styles(load(self.path), self.path.name)
        except OSError:
            return []
        return self._read[1]

    def get(self, name: str, at: str = "styles") -> Style:
        """The style of this name, in any case; UserError PARAM_INVALID at the field `at` if there is none."""
        styles = self.list()
        wanted = name.strip().casefold()
        # One that is written just so comes before one in another case.
        for style in sorted(styles, key=lambda one: one.name != name):
            if style.name.casefold() == wanted or style.name == name:
                return style
        near = get_close_matches(name, [style.name for style in styles], n=1)
        named = ", ".join(style.name for style in styles[:12])
        hint = f"Did you mean {near[0]}?" if near else f"There are: {named}." if named else "There are none yet."
        raise UserError("PARAM_INVALID", f"there is no style {name[:80]!r}.", hint, at)

    def add(self, styles: Sequence[Style]) -> tuple[int, int]:
        """Keep these too; (how many are new, how many took the place of one of the same name)."""
        known = {style.name: style for style in self.list()}
        replaced = sum(style.name in known for style in styles)
        self.save(list((known | {style.name: style for style in styles}).values()))
        return len(styles) - replaced, replaced

    def save(self, styles: Sequence[Style]) -> None:
        """Write these in place of all that were there; the file is always whole."""
        if self.path is None:
            raise RuntimeError("there is no file to keep styles in")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self.path.parent, prefix=".styles-")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(write_styles(styles))
        os.replace(beside, self.path)


def load(path: Path) -> str:
    """The text of a file of styles; OSError, PARAM_INVALID for one that is no text or far too large."""
    if path.stat().st_size > LARGEST_FILE:
        raise _unreadable(path.name, "it is larger than 16 MB")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(path.name, "it is not UTF-8 text") from None


def _unreadable(name: str, reason: str) -> UserError:
    hint = f"It must be CSV with the columns {', '.join(COLUMNS)}."
    return UserError("PARAM_INVALID", f"{name} cannot be read as styles: {reason}.", hint, "styles")
