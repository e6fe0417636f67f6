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

HEAD = f"""# What an extension may add

Written from the code by `python -m sdtoolbox.extensions.reference`, for version {API} of the interface. Each kind with an
example is in the [author's guide](../extensions/README.md).

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
    signature = ""
    if not inspect.isclass(described):
        words = str(inspect.signature(described)).replace("(self, ", "(").replace("(self)", "()")
        signature = f"```python\n{name}{_plain(words)}\n```\n\n"
    return f"{level} {name}\n\n{signature}{inspect.getdoc(described)}\n"


def _plain(signature: str) -> str:
    return signature.replace("'", "").replace("type[M]", "type[BaseModel]").replace("-> M", "-> BaseModel")


def _infos() -> Iterator[type[Any]]:
    for value in vars(registered).values():
        if inspect.isclass(value) and is_dataclass(value) and value.__module__ == registered.__name__:
            yield value


if __name__ == "__main__":
    sys.stdout.write(reference())
