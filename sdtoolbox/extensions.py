"""What an extension may add, and how extensions are found and kept apart.

An extension is a Python file `<name>.py` or folder `<name>/__init__.py` with one function `register(ext)`. The
built-in samplers, schedules and tasks register through the very same calls.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from sdtoolbox.protocols import Form, TaskFunction
from sdtoolbox.registered import (
    FillerInfo,
    RestorerInfo,
    SamplerInfo,
    ScheduleInfo,
    SelectorInfo,
    TaskInfo,
    UpscalerInfo,
)
from sdtoolbox.registry import Entry, Registry
from sdtoolbox.schema.options import Option, options_of
from sdtoolbox.schema.requests import Request

F = TypeVar("F", bound=Callable[..., Any])
SAMPLER_ARGUMENTS = ("denoise", "x", "sigmas", "noise", "on_step")
SAMPLER_NEEDS = ("unconditional", "noise_table")
"""What a sampler is given besides, if it names it: see `registered.SamplerInfo.needs`."""
SELECTOR_ARGUMENTS = ("pixels", "points", "box")
SELECTOR_NEEDS = ("excluded",)
"""What a selector is given besides, if it names it: see `registered.SelectorInfo`."""
RESTORER_NEEDS = ("noise", "quality")
"""What a restorer is given besides, if it names it: see `registered.RestorerInfo`."""


@dataclass(slots=True)
class Registries:
    """Everything that is registered, one registry a kind of thing."""

    samplers: Registry[SamplerInfo] = field(default_factory=lambda: Registry("sampler"))
    schedules: Registry[ScheduleInfo] = field(default_factory=lambda: Registry("schedule"))
    upscalers: Registry[UpscalerInfo] = field(default_factory=lambda: Registry("upscaler"))
    fillers: Registry[FillerInfo] = field(default_factory=lambda: Registry("filler"))
    selectors: Registry[SelectorInfo] = field(default_factory=lambda: Registry("selector"))
    restorers: Registry[RestorerInfo] = field(default_factory=lambda: Registry("restorer"))
    tasks: Registry[TaskInfo] = field(default_factory=lambda: Registry("task"))
    tabs: Registry[Callable[..., Any]] = field(default_factory=lambda: Registry("tab"))

    def by_name(self) -> dict[str, Registry[Any]]:
        """The registries by the names that a field's `Control.choices` uses."""
        return {
            "samplers": self.samplers,
            "schedules": self.schedules,
            "upscalers": self.upscalers,
            "fillers": self.fillers,
            "selectors": self.selectors,
            "restorers": self.restorers,
            "tasks": self.tasks,
            "tabs": self.tabs,
        }

    def named(self, name: str) -> Registry[Any]:
        """One of them; KeyError if there is none of that name."""
        return self.by_name()[name]


class Extension:
    """The object handed to `register(ext)`: a draft, merged into the registries only when `register` returned."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.draft: list[tuple[str, Entry[Any]]] = []

    def sampler(
        self,
        function: F,
        *,
        label: str | None = None,
        forms: Sequence[Form] = ("variance_exploding",),
        schedule: str = "uniform",
    ) -> F:
        """Add a sampler: `function(denoise, x, sigmas, *, noise, on_step, **options)`; may be used as a decorator.

        `schedule` is the id of the one that "automatic" stands for with it.
        One that names `unconditional` or `noise_table` after `on_step` is given it: see `registered.SamplerInfo`.
        TypeError if the function does not take these arguments or an option has no default.
        """
        needs = tuple(name for name in SAMPLER_NEEDS if name in inspect.signature(function).parameters)
        options = _options(function, "sampler", SAMPLER_ARGUMENTS, SAMPLER_NEEDS)
        info = SamplerInfo(function, tuple(forms), options, _help(function), needs, schedule)
        return self._add("samplers", function, label, info)

    def schedule(self, function: F, *, label: str | None = None) -> F:
        """Add a schedule: `function(steps, noise_table, **options)` gives steps + 1 falling sigmas that end in 0."""
        given = list(inspect.signature(function).parameters)[:2]
        info = ScheduleInfo(function, _help(function), options_of(function, given))
        return self._add("schedules", function, label, info)

    def upscaler(self, function: F, *, label: str | None = None, on: Literal["latents", "pictures"]) -> F:
        """Add an upscaler of latents or of pictures: see `registered.UpscalerInfo`."""
        return self._add("upscalers", function, label, UpscalerInfo(function, on, _help(function)))

    def filler(self, function: F, *, label: str | None = None) -> F:
        """Add a filler: `function(pixels, mask)` closes the hole that `mask` is; see `registered.FillerInfo`."""
        return self._add("fillers", function, label, FillerInfo(function, _help(function)))

    def selector(self, function: F, *, label: str | None = None) -> F:
        """Add a selector: `function(pixels, points, box, **options)` gives a mask; see `registered.SelectorInfo`.

        TypeError if the function does not take these arguments or an option has no default.
        """
        parameters = inspect.signature(function).parameters
        needs = tuple(name for name in SELECTOR_NEEDS if name in parameters)
        options = _options(function, "selector", SELECTOR_ARGUMENTS, SELECTOR_NEEDS)
        return self._add("selectors", function, label, SelectorInfo(function, _help(function), options, needs))

    def restorer(self, function: F, *, label: str | None = None, scale: int = 1, reach: int | None = None) -> F:
        """Add a restorer: `function(pixels, **options)` cleans or enlarges; see `registered.RestorerInfo`.

        `reach` is how many pixels around a pixel decide about it: tiles overlap by it. None: all of the picture does.
        One that names `noise` or `quality` is given the noise level or the JPEG quality. TypeError if the function does
        not take pixels or an option has no default.
        """
        needs = tuple(name for name in RESTORER_NEEDS if name in inspect.signature(function).parameters)
        options = _options(function, "restorer", ("pixels",), RESTORER_NEEDS)
        return self._add(
            "restorers", function, label, RestorerInfo(function, scale, reach, _help(function), options, needs)
        )

    def task(self, request: type[Request], run: TaskFunction, *, label: str | None = None) -> None:
        """Add a task: form, endpoint, command, queue row and metadata all follow from the request class."""
        info = TaskInfo(request, run, _help(request))
        self.draft.append(("tasks", Entry(request.task, label or request.task, self.name, info)))

    def tab(self, build: F, *, label: str | None = None) -> F:
        """Add a tab: `build(toolbox)` is called inside a Gradio Blocks of its own."""
        return self._add("tabs", build, label, build)

    def _add(self, kind: str, function: F, label: str | None, value: Any) -> F:
        name = function.__name__
        self.draft.append((kind, Entry(name, label or name.replace("_", " "), self.name, value)))
        return function

    def merge(self, registries: Registries) -> None:
        """Add the whole draft, or nothing: ValueError names the clash and both owners."""
        merged: dict[str, Registry[Any]] = {}
        for kind, entry in self.draft:
            registry = merged.get(kind)
            if registry is None:
                registry = merged[kind] = Registry(registries.named(kind).noun)
                for present in registries.named(kind):
                    registry.add(present)
            registry.add(entry)
        for kind, registry in merged.items():
            setattr(registries, kind, registry)


def _help(described: Any) -> str:
    return (inspect.getdoc(described) or "").split("\n\n")[0].replace("\n", " ")


def _options(function: Callable[..., Any], noun: str, given: Sequence[str], needs: Sequence[str]) -> dict[str, Option]:
    parameters = inspect.signature(function).parameters
    missing = [name for name in given if name not in parameters]
    if missing:
        raise TypeError(f"{noun} {function.__name__} does not take {', '.join(missing)}")
    return options_of(function, (*given, *needs))


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How loading one extension went; `reason` is empty when it is on, `details` has the traceback when it is not."""

    name: str
    seconds: float
    adds: tuple[str, ...] = ()
    reason: str = ""
    details: str = ""


def load(name: str, get_module: Callable[[], ModuleType], registries: Registries) -> LoadReport:
    """Import one extension and merge what it registers; one that fails leaves nothing behind and says why."""
    started = time.perf_counter()
    extension = Extension(name)
    try:
        get_module().register(extension)
        extension.merge(registries)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's mistake must not take the toolbox down
        reason = f"{type(error).__name__}: {error}"
        return LoadReport(name, time.perf_counter() - started, (), reason, traceback.format_exc())
    adds = tuple(f"{kind[:-1]} {entry.label}" for kind, entry in extension.draft)
    return LoadReport(name, time.perf_counter() - started, adds)


def find(folders: Iterable[Path]) -> list[tuple[str, Path]]:
    """Drop-in extensions as (name, file), in the folders' order, by name within one; `_x.py` is skipped."""
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            file = path / "__init__.py" if path.is_dir() else path
            if path.name[0] not in "._" and file.suffix == ".py" and file.is_file():
                found.setdefault(path.stem, file)
    return list(found.items())


def module_from(name: str, file: Path) -> ModuleType:
    """Import a drop-in file under a name of its own, so that it cannot hide an installed package."""
    full_name = f"sdtoolbox_extensions.{name}"
    spec = importlib.util.spec_from_file_location(full_name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(full_name, None)
        raise
    return module
