"""Checks as assertions, for an author's own tests: one function, one file, or one line a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sdtoolbox.extensions import Extension
from sdtoolbox.protocols import TaskFunction
from sdtoolbox.registered import HookEvent
from sdtoolbox.schema.requests import Request
from sdtoolbox.testing.check import Check
from sdtoolbox.testing.conformance import checks_of, checks_of_file


def check_extension(extension: Path | str | Callable[[Extension], Any], **values: Any) -> list[Check]:
    """Make every check of a file or a folder, or of a function `register(ext)`; AssertionError lists what fails.

    `values` are fields of its tasks' requests. What was measured is in the checks that are returned.
    """
    if isinstance(extension, Path | str):
        return _held(checks_of_file(Path(extension), values))
    draft = Extension("checked")
    extension(draft)
    return _held(checks_of(draft, values))


def check_sampler(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one sampler; `registration` are arguments of `ext.sampler`."""
    return check_extension(lambda ext: ext.sampler(function, **registration))


def check_schedule(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one schedule; `registration` are arguments of `ext.schedule`."""
    return check_extension(lambda ext: ext.schedule(function, **registration))


def check_upscaler(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one upscaler; `registration` are arguments of `ext.upscaler`."""
    return check_extension(lambda ext: ext.upscaler(function, **registration))


def check_filler(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one filler; `registration` are arguments of `ext.filler`."""
    return check_extension(lambda ext: ext.filler(function, **registration))


def check_selector(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one selector; `registration` are arguments of `ext.selector`."""
    return check_extension(lambda ext: ext.selector(function, **registration))


def check_restorer(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one restorer; `registration` are arguments of `ext.restorer`."""
    return check_extension(lambda ext: ext.restorer(function, **registration))


def check_architecture(name: str, **registration: Any) -> list[Check]:
    """As `check_extension`, of one architecture; `registration` are arguments of `ext.architecture`."""
    return check_extension(lambda ext: ext.architecture(name, **registration))


def check_preprocessor(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one preprocessor; `registration` are arguments of `ext.preprocessor`."""
    return check_extension(lambda ext: ext.preprocessor(function, **registration))


def check_steer(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one steer; `registration` are arguments of `ext.steer`."""
    return check_extension(lambda ext: ext.steer(function, **registration))


def check_prompt_syntax(function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one prompt syntax; `registration` are arguments of `ext.prompt_syntax`."""
    return check_extension(lambda ext: ext.prompt_syntax(function, **registration))


def check_hook(event: HookEvent, function: Callable[..., Any]) -> list[Check]:
    """As `check_extension`, of one hook."""
    return check_extension(lambda ext: ext.hook(event, function))


def check_route(path: str, function: Callable[..., Any], **registration: Any) -> list[Check]:
    """As `check_extension`, of one route; `registration` are arguments of `ext.route`."""
    return check_extension(lambda ext: ext.route(path, function, **registration))


def check_task(request: type[Request], run: TaskFunction, **values: Any) -> list[Check]:
    """As `check_extension`, of one task; `values` are fields of the request that it is run with."""
    return check_extension(lambda ext: ext.task(request, run), **values)


def check_tab(build: Callable[..., Any]) -> list[Check]:
    """As `check_extension`, of one tab."""
    return check_extension(lambda ext: ext.tab(build))


def _held(checks: Iterable[Check]) -> list[Check]:
    made = list(checks)
    if faults := [one for one in made if not one.passed]:
        raise AssertionError("\n".join(f"{one}\n{one.details}".rstrip() for one in faults))
    return made
