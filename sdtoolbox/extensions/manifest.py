"""What an extension says of itself: constants at the top of its file, read without running it."""

from __future__ import annotations

import ast
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

API = 1
"""The version of the interface that extensions are written against; it rises when one of them would break."""
FIELDS: dict[str, type] = {"API": int, "VERSION": str, "DESCRIPTION": str, "NEEDS": tuple}


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it may be left out; the description is then the first line of the file's docstring."""

    api: int = API
    version: str = ""
    description: str = ""
    needs: tuple[str, ...] = ()

    @property
    def unmet(self) -> str:
        """Why it cannot run here, in words; empty if it can."""
        if self.api > API:
            return f"it is written for version {self.api} of the extension interface, and this toolbox has {API}"
        if self.api < 1:
            return f"API is {self.api}; the first version of the extension interface is 1"
        missing = [said for need in self.needs if (said := _missing(need))]
        return f"it needs {', '.join(missing)}" if missing else ""


def read_manifest(text: str) -> Manifest:
    """The manifest in a file's text. SyntaxError as Python's; ValueError for a constant of the wrong kind."""
    tree = ast.parse(text)
    given = {name: value for name, value in _constants(tree) if name in FIELDS}
    for name, value in given.items():
        wanted = FIELDS[name]
        if not isinstance(value, (tuple, list) if wanted is tuple else wanted) or isinstance(value, bool):
            raise ValueError(f"{name} must be {_WORDS[name]}")
    first = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Manifest(
        given.get("API", API),
        given.get("VERSION", ""),
        given.get("DESCRIPTION", first),
        tuple(map(str, given.get("NEEDS", ()))),
    )


_WORDS = {
    "API": "a whole number",
    "VERSION": 'text such as "1.0"',
    "DESCRIPTION": "text",
    "NEEDS": 'a list of requirements such as ("scipy>=1.10",)',
}


def _constants(tree: ast.Module) -> list[tuple[str, Any]]:
    found = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found.append((node.targets[0].id, ast.literal_eval(node.value)))
            except ValueError:  # computed: none of ours, unless it has one of our names
                if node.targets[0].id in FIELDS:
                    raise ValueError(f"{node.targets[0].id} must be written out, not computed") from None
    return found


def _missing(need: str) -> str:
    """What a requirement lacks, empty if it is met."""
    try:
        wanted = Requirement(need)
    except InvalidRequirement:
        return f"{need!r}, which is no requirement that pip would know"
    if wanted.marker is not None and not wanted.marker.evaluate():
        return ""
    try:
        have = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"the package {wanted}, which is not installed (pip install {wanted.name!r})"
    return "" if wanted.specifier.contains(have, prereleases=True) else f"{wanted}, and {have} is installed"
