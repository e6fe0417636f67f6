"""The reference of what extensions may add, written from signatures and docstrings.

`python -m sdtoolbox.extensions.reference > docs/extensions-reference.md` writes it anew; a test fails while the file
says something else.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any

from sdtoolbox import registered
from sdtoolbox.extensions.extension import Extension
from sdtoolbox.extensions.manifest import API
from sdtoolbox.extensions.skeletons import KINDS

GENERIC = {"F": "Callable", "type[M]": "type[BaseModel]"}
"""What the type variables in signatures stand for."""
HEAD = f"""# What an extension may add

Written from the code by `python -m sdtoolbox.extensions.reference`, for version {API} of the interface. Each kind
with an example is in the [author's guide](../extensions/README.md).

`register(ext)` is handed an object with these methods.
"""
INFO = """## What is known of each

What the registries hold, and what the functions are called with. Extensions do not make these themselves.
"""


def reference() -> str:
    """The whole page, Markdown."""
    methods = [_described(f"ext.{name}", getattr(Extension, name)) for name in KINDS]
    return "\n".join([HEAD, *methods, INFO, *(_described(one.__name__, one, "###") for one in _infos())])


def _described(name: str, described: Callable[..., Any], level: str = "##") -> str:
    code = "" if inspect.isclass(described) else f"```python\n{name}{_signature(described)}\n```\n\n"
    return f"{level} {name}\n\n{code}{inspect.getdoc(described)}\n"


def _signature(function: Callable[..., Any]) -> str:
    """As it stands in the file, without self and what is returned: annotations there are text already."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    written, starred = [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred:
            written.append("*")
            starred = True
        default = "" if one.default is one.empty else f" = {one.default!r}"
        written.append(f"{one.name}: {GENERIC.get(one.annotation, one.annotation)}{default}")
    return f"({', '.join(written)})"


def _infos() -> Iterator[type[Any]]:
    for value in vars(registered).values():
        if inspect.isclass(value) and is_dataclass(value) and value.__module__ == registered.__name__:
            yield value


if __name__ == "__main__":
    sys.stdout.write(reference())
