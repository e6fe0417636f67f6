"""What must hold of an architecture before it is registered."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sdtoolbox.models.architectures import ARCHITECTURES
from sdtoolbox.models.diffusion_upscalers import SCALES

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
KNOWN = frozenset({row.variant for row in ARCHITECTURES} | {row.id for row in ARCHITECTURES} | set(SCALES))


def check_architecture(name: str, detect: Callable[..., Any], build: Callable[..., Any], multiple: int) -> None:
    """ValueError for a name or a multiple that cannot be, TypeError for functions that are not as they must be."""
    if not NAME.fullmatch(name):
        raise ValueError(f"an architecture cannot be called {name!r}: take small letters, digits and _")
    if name in KNOWN:
        raise ValueError(f"the architecture {name} is known already, and cannot be added")
    if not 1 <= multiple <= 256:
        raise ValueError(f"the multiple of architecture {name} is {multiple} in place of 1 to 256")
    for word, function in (("detect", detect), ("build", build)):
        try:
            inspect.signature(function).bind({})
        except TypeError:
            raise TypeError(f"{word} of architecture {name} does not take one mapping") from None
        if torch := _torch_in(function):
            raise TypeError(
                f"the file with {word} of architecture {name} has {torch} of torch at its top, and the web page, which "
                "has no torch, loads it: import it inside build"
            )


def _torch_in(function: Callable[..., Any]) -> str:
    """A name among the globals of a function that came from torch, "" if there is none."""
    for name, value in getattr(function, "__globals__", {}).items():
        module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        if isinstance(module, str) and module.split(".")[0] == "torch":
            return str(name)
    return ""
