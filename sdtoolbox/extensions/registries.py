"""Everything that is registered, in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sdtoolbox.registered import (
    ArchitectureInfo,
    FillerInfo,
    HookInfo,
    PreprocessorInfo,
    PromptSyntaxInfo,
    RestorerInfo,
    RouteInfo,
    SamplerInfo,
    ScheduleInfo,
    SelectorInfo,
    SteerInfo,
    TaskInfo,
    UpscalerInfo,
)
from sdtoolbox.registry import Absent, Entry, Registry


@dataclass(slots=True)
class Registries:
    """Everything that is registered, one registry a kind of thing; the kinds' names are those of `Control.choices`."""

    samplers: Registry[SamplerInfo] = field(default_factory=lambda: Registry("sampler"))
    schedules: Registry[ScheduleInfo] = field(default_factory=lambda: Registry("schedule"))
    upscalers: Registry[UpscalerInfo] = field(default_factory=lambda: Registry("upscaler"))
    fillers: Registry[FillerInfo] = field(default_factory=lambda: Registry("filler"))
    selectors: Registry[SelectorInfo] = field(default_factory=lambda: Registry("selector"))
    restorers: Registry[RestorerInfo] = field(default_factory=lambda: Registry("restorer"))
    architectures: Registry[ArchitectureInfo] = field(default_factory=lambda: Registry("architecture"))
    preprocessors: Registry[PreprocessorInfo] = field(default_factory=lambda: Registry("preprocessor"))
    steers: Registry[SteerInfo] = field(default_factory=lambda: Registry("steer"))
    prompt_syntaxes: Registry[PromptSyntaxInfo] = field(default_factory=lambda: Registry("prompt syntax"))
    hooks: Registry[HookInfo] = field(default_factory=lambda: Registry("hook"))
    routes: Registry[RouteInfo] = field(default_factory=lambda: Registry("route"))
    tasks: Registry[TaskInfo] = field(default_factory=lambda: Registry("task"))
    tabs: Registry[Callable[..., Any]] = field(default_factory=lambda: Registry("tab"))

    def by_name(self) -> dict[str, Registry[Any]]:
        """The registries by the names of their kinds."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def named(self, name: str) -> Registry[Any]:
        """One of them; KeyError if there is none of that name."""
        return self.by_name()[name]

    def merge(self, draft: Iterable[tuple[str, Entry[Any]]]) -> None:
        """Add all entries, each with its kind, or nothing: ValueError names the clash and both owners."""
        merged: dict[str, Registry[Any]] = {}
        for kind, entry in draft:
            registry = merged.setdefault(kind, self.named(kind).copied())
            registry.add(entry)
        for kind, registry in merged.items():
            setattr(self, kind, registry)

    def miss(self, absent: Mapping[tuple[str, str], Absent]) -> None:
        """Remember what extensions that are off would add, by kind and id or label: asked for it, say who lacks."""
        for (kind, name), why in absent.items():
            self.named(kind).miss(name, why)

    def become(self, other: Registries) -> None:
        """Hold what the other one holds, for all who hold this one."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))
