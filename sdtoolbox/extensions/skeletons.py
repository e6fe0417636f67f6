"""Beginnings of extensions: what the author's guide shows of a kind, under a name of one's own, with its test.

The guide is `README.md` in the folder of the shipped extensions. Its examples are run by tests, so whatever begins
as a copy of one works.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.extension import Extension
from sdtoolbox.extensions.manifest import API
from sdtoolbox.settings import bundled

KINDS = tuple(name for name in vars(Extension) if not name.startswith("_"))
"""What an extension can add, by the name of the method that adds it."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
BLOCK = re.compile(r"```python\n(.*?)```\n?", re.DOTALL)
TEST = '''"""Tests of {name}: run them with pytest."""

from pathlib import Path

from sdtoolbox.testing import check_extension

FILE = Path(__file__).resolve().parent.parent / "{name}.py"


def test_it_keeps_what_it_promises():
    for check in check_extension(FILE):
        print(check)  # pytest -s shows what was measured
'''


def guide() -> str:
    """The author's guide, Markdown."""
    return (bundled("extensions") / "README.md").read_text("utf-8")


def section_of(kind: str) -> tuple[str, str]:
    """What the guide says of a kind, and its example: the first section whose code calls the method that adds it.

    KeyError if there is none.
    """
    for section in guide().split("\n## ")[1:]:
        code = "\n\n".join(block.strip("\n") for block in BLOCK.findall(section))
        if f"ext.{kind}(" in code:
            words = BLOCK.sub("", section.partition("\n")[2])
            return re.sub(r"\n{3,}", "\n\n", words).strip(), code
    raise KeyError(kind)


def skeleton(kind: str, name: str) -> str:
    """The text of an extension of this name that adds one thing of this kind, and works."""
    words, code = section_of(kind)
    label = name.replace("_", " ").capitalize()
    for old, new in (
        (f"my_{kind}", name),
        (f"My{_camel(kind)}", _camel(name)),
        (f"My {kind.replace('_', ' ')}", label),
    ):
        words, code = words.replace(old, new), code.replace(old, new)
    imports, body = _split(code)
    quotes = 'r"""' if "\\" in words else '"""'
    head = f'{quotes}{label}: say here in one sentence what it is for.\n\n{words}\n"""'
    facts = f'API = {API}\nVERSION = "0.1"'
    return "\n\n".join(filter(None, [head, imports, facts])) + f"\n\n\n{body}\n"


def write_skeleton(kind: str, name: str, folder: Path) -> list[Path]:
    """Write `<name>.py` and `tests/test_<name>.py` into a folder, which is made if it is not there; their paths.

    Nothing in a folder `tests` without `__init__.py` is taken for an extension. UserError PARAM_INVALID for a name that
    cannot be, and where one of the files is there already: then nothing is written.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name == "tests":
        said = f"an extension cannot be called {name[:80]!r}."
        raise UserError("PARAM_INVALID", said, "Use small letters, digits and _, such as my_sampler.", "name")
    files = {folder / f"{name}.py": skeleton(kind, name), folder / "tests" / f"test_{name}.py": TEST.format(name=name)}
    for file in (*files, folder / name):
        if file.exists():
            said = f"{file.name} is there already in {file.parent.name}."
            raise UserError("PARAM_INVALID", said, "Choose another name, or remove it first.", "name")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(files)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _split(code: str) -> tuple[str, str]:
    """The imports at the top of some code, and what comes after them."""
    lines = code.split("\n")
    end = 0
    for number, line in enumerate(lines, 1):
        if line.startswith(("import ", "from ")):
            end = number
        elif line.strip():
            break
    return "\n".join(lines[:end]).strip(), "\n".join(lines[end:]).strip("\n")
