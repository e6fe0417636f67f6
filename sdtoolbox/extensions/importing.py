"""Importing an extension and letting it register, into a draft that changes nothing yet."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from types import ModuleType

from sdtoolbox.extensions.extension import Extension
from sdtoolbox.extensions.finding import Source
from sdtoolbox.extensions.guards import Guards

DROPPED_IN = "sdtoolbox_extensions"
_installed: dict[str, str] = {}


class MisbehavedError(Exception):
    """An extension did what none may."""


def drafted(source: Source) -> Extension:
    """What an extension registers; whatever its author's code raises, `MisbehavedError` if it changed guarded names."""
    guards = Guards()
    try:
        module = _module(source)
        if not callable(getattr(module, "register", None)):
            raise MisbehavedError(f"{source.place} has no function register(ext)")
        version, chosen = str(getattr(module, "VERSION", "")), json.loads(source.settings)
        extension = Extension(source.name, version=version, sha256=source.fingerprint(), chosen=chosen)
        module.register(extension)
    finally:
        changed = guards.undo()
    if changed:
        raise MisbehavedError(f"it changes {', '.join(changed)} for everybody")
    return extension


def forget(source: Source) -> bool:
    """Let the next import read the files again; False for an installed package, which only a new process does."""
    if source.file is None:
        return False
    whole = f"{DROPPED_IN}.{source.name}"
    for name in [one for one in sys.modules if one == whole or one.startswith(f"{whole}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return True


def owner_of(module: str) -> str | None:
    """The extension that a module belongs to, by the module's name."""
    if module.startswith(f"{DROPPED_IN}."):
        return module.split(".")[1]
    return _installed.get(module.split(".")[0])


def _module(source: Source) -> ModuleType:
    if source.file is None:
        _installed[source.module.split(".")[0]] = source.name
        return importlib.import_module(source.module)
    # Under a name of its own, so that it cannot hide an installed package.
    if DROPPED_IN not in sys.modules:
        sys.modules[DROPPED_IN] = ModuleType(DROPPED_IN, "Extensions that were dropped in.")
        sys.modules[DROPPED_IN].__path__ = []
    name = f"{DROPPED_IN}.{source.name}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, source.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source.place} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
