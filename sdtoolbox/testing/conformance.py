"""An extension's file, tried as the toolbox tries it, and each thing that it adds, looked at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdtoolbox.builtin import builtin_registries
from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension, Registries
from sdtoolbox.extensions.descriptors import Descriptor
from sdtoolbox.extensions.finding import Source, find
from sdtoolbox.extensions.importing import drafted, forget
from sdtoolbox.extensions.trying import LIMIT_SECONDS, Trials
from sdtoolbox.registry import Entry
from sdtoolbox.settings import bundled
from sdtoolbox.testing import architectures, pictures, prompts, samplers, schedules, steers
from sdtoolbox.testing.check import Check, Look, PromiseError, attempt, looked_at
from sdtoolbox.testing.hooks import lets_pass
from sdtoolbox.testing.routes import answers
from sdtoolbox.testing.tabs import builds
from sdtoolbox.testing.tasks import Values, declares, round_trips, runs
from sdtoolbox.testing.toolboxes import fake_toolbox
from sdtoolbox.toolbox import Toolbox

LOOKS: Mapping[str, Mapping[str, Look]] = {
    "samplers": samplers.LOOKS,
    "schedules": schedules.LOOKS,
    "upscalers": pictures.UPSCALERS,
    "fillers": pictures.FILLERS,
    "selectors": pictures.SELECTORS,
    "restorers": pictures.RESTORERS,
    "architectures": architectures.LOOKS,
    "preprocessors": pictures.PREPROCESSORS,
    "steers": steers.LOOKS,
    "prompt_syntaxes": prompts.LOOKS,
    "tasks": {"declares": declares},
}
"""By kind: what can be looked at in a function alone."""
InToolbox = Callable[[Toolbox, Entry[Any], Values], str]
LOOKS_IN_TOOLBOX: Mapping[str, Mapping[str, InToolbox]] = {
    "tasks": {"round trip": round_trips, "runs": runs},
    "tabs": {"builds": builds},
    "hooks": {"lets jobs pass": lets_pass},
    "routes": {"answers": answers},
}
"""What needs a toolbox around it: one that draws with the model in closed form."""


CALLED_BY_THE_WEB = frozenset({"selectors", "prompt_syntaxes", "hooks", "routes", "tasks", "tabs", "architectures"})
"""Kinds whose functions, or some of them, the web process calls."""


def source_of(path: Path) -> Source:
    """The extension that a file, or a folder with `__init__.py`, is; UserError PARAM_INVALID if it is none."""
    path = path.resolve()
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file() or file.suffix != ".py" or path.stem[0] in "._":
        said = f"{path.name} is no extension."
        hint = "Name a .py file, or a folder with __init__.py, whose name does not begin with _ or a dot."
        raise UserError("PARAM_INVALID", said, hint, "path")
    return Source(path.stem, file)


def checks_of_file(path: Path, values: Values | None = None) -> Iterator[Check]:
    """Every check of an extension that lies at `path`, as they are made; `values` for the requests of its tasks.

    It is imported here only if it can be imported in a process of its own. UserError if there is none.
    """
    source = source_of(path)
    subject = f"extension {source.name}"
    outcome = _tried(source)
    yield Check(subject, "imports", not outcome.reason, outcome.reason or f"{outcome.seconds:.2f} s", outcome.details)
    if outcome.reason:
        return
    # What another file of this name has left must not be taken for it, nor this one for another.
    forget(source)
    try:
        yield from _checks_of_good(source, outcome, values)
    finally:
        forget(source)


def _checks_of_good(source: Source, outcome: Descriptor, values: Values | None) -> Iterator[Check]:
    subject = f"extension {source.name}"
    yield attempt(subject, "names are free", lambda: _names_are_free(source))
    if any(one.kind in CALLED_BY_THE_WEB for one in outcome.adds):
        yield attempt(subject, "leaves torch out of the web page", lambda: _needs_no_torch(source))
    yield from checks_of(drafted(source), values)


def checks_of(extension: Extension, values: Values | None = None) -> Iterator[Check]:
    """Every check of what an extension has registered; `values` for the requests of its tasks."""
    if not extension.draft:
        yield Check(f"extension {extension.name}", "adds something", False, "register(ext) adds nothing")
    registries = Registries()
    with ExitStack() as stack:
        toolbox: Toolbox | None = None
        for kind, entry in extension.draft:
            subject = f"{registries.named(kind).noun} {entry.label}"
            if hasattr(entry.value, "help"):
                yield attempt(subject, "has a help text", lambda entry=entry: _help(entry))  # type: ignore[misc]
            yield from looked_at(subject, entry, LOOKS.get(kind, {}))
            if kind in LOOKS_IN_TOOLBOX:
                if toolbox is None:
                    toolbox = stack.enter_context(fake_toolbox())
                    toolbox.registries.merge(extension.draft)
                for name, look in LOOKS_IN_TOOLBOX[kind].items():
                    yield attempt(subject, name, _bound(look, toolbox, entry, values or {}))


def _bound(look: InToolbox, toolbox: Toolbox, entry: Entry[Any], values: Values) -> Callable[[], str]:
    return lambda: look(toolbox, entry, values)


def _help(entry: Entry[Any]) -> str:
    if not entry.value.help.strip():
        raise PromiseError("there is none: the first sentence of the docstring is shown to people")
    return str(entry.value.help)


def _tried(source: Source) -> Descriptor:
    with TemporaryDirectory(prefix="sdtoolbox-testing-") as folder:
        return Trials(Path(folder)).outcomes([source], patience=2 * LIMIT_SECONDS)[source]


def _names_are_free(source: Source) -> str:
    """Of the built-ins and of the extensions that ship: with others it may clash on somebody's machine."""
    registries, shipped = builtin_registries(), bundled("extensions")
    for other in find((shipped,), shipped):
        if other.shipped and other.file is not None and other.file.resolve() != source.file:
            registries.merge(drafted(other).draft)
    try:
        registries.merge(drafted(source).draft)
    except ValueError as error:
        raise PromiseError(str(error)) from None
    return ""


def _needs_no_torch(source: Source) -> str:
    """It adds something for which the web process imports it, and that has no torch."""
    code = (
        "import sys; from pathlib import Path; from sdtoolbox.extensions.finding import Source;"
        "from sdtoolbox.extensions.importing import drafted;"
        "drafted(Source(sys.argv[1], Path(sys.argv[2]))); sys.stderr.write('torch' * ('torch' in sys.modules))"
    )
    command = [sys.executable, "-c", code, source.name, str(source.file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS * 2, check=False)
    if run.stderr.endswith("torch"):
        raise PromiseError("it imports torch at the top of its file: import it inside the functions that need it")
    return ""
