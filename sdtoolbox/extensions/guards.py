"""Names that everybody relies on: an extension that changes one of them is put off, and the change is undone."""

from __future__ import annotations

import os
import socket  # noqa: F401 - here, so that their values are known before any extension changes them
import sqlite3  # noqa: F401
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFile  # noqa: F401

import sdtoolbox.images.opening  # noqa: F401 - it sets Pillow's limits: whoever imports it first changes nothing

WATCHED: Mapping[str, str] = {
    "builtins.open": "io",
    "builtins.print": "builtins",
    "builtins.__import__": "builtins",
    "sys.exit": "sys",
    "sys.excepthook": "sys",
    "os._exit": "posix nt",
    "socket.socket": "socket",
    "sqlite3.connect": "_sqlite3",
    "PIL.Image.open": "PIL.Image",
    "PIL.Image.MAX_IMAGE_PIXELS": "",
    "PIL.ImageFile.LOAD_TRUNCATED_IMAGES": "",
    "torch.load": "torch.serialization",
    "torch.save": "torch.serialization",
    "torch.manual_seed": "torch.random",
    "safetensors.safe_open": "builtins safetensors safetensors._safetensors_rust",
    "gradio.Blocks": "gradio.blocks",
    "gradio.mount_gradio_app": "gradio.routes",
}
"""Each with the modules that its own value says to be from: how a change shows where nobody saw the value before."""
_GONE = object()


@dataclass(slots=True)
class Guards:
    """The values at one moment; later they say what has changed since."""

    _values: dict[str, Any] = field(default_factory=lambda: _now())
    _environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def undo(self) -> list[str]:
        """Put back what was changed, and name it; new environment variables are nobody's business and stay."""
        found = [name for name, value in _now().items() if self._differs(name, value)]
        for name in found:
            if name in self._values:
                module, _, attribute = name.rpartition(".")
                setattr(sys.modules[module], attribute, self._values[name])
        changed = [name for name, value in self._environment.items() if os.environ.get(name) != value]
        for name in changed:
            os.environ[name] = self._environment[name]
        return [*found, *(f"the environment variable {name}" for name in changed)]

    def _differs(self, name: str, value: Any) -> bool:
        if name in self._values:
            return value is not self._values[name]
        homes = WATCHED[name].split()
        return bool(homes) and getattr(value, "__module__", None) not in homes


def _now() -> dict[str, Any]:
    """The watched values of all modules that are imported by now."""
    found = {}
    for name in WATCHED:
        module, _, attribute = name.rpartition(".")
        if module in sys.modules:
            found[name] = getattr(sys.modules[module], attribute, _GONE)
    return found
