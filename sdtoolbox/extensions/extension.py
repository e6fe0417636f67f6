"""What an extension may add: the object that its `register(ext)` is handed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from sdtoolbox.extensions.architectures import check_architecture
from sdtoolbox.extensions.hooking import check_hook
from sdtoolbox.extensions.own_settings import M, own_settings
from sdtoolbox.extensions.routing import PARAMETER, address, check_route
from sdtoolbox.protocols import Form, TaskFunction
from sdtoolbox.registered import (
    ArchitectureInfo,
    FillerInfo,
    HookEvent,
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
from sdtoolbox.registry import Entry
from sdtoolbox.schema.options import Option, options_of
from sdtoolbox.schema.requests import Request

F = TypeVar("F", bound=Callable[..., Any])
SAMPLER_ARGUMENTS = ("denoise", "x", "sigmas", "noise", "on_step")
SAMPLER_NEEDS = ("unconditional", "noise_table", "measure")
"""What a sampler is given besides, if it names it: see `registered.SamplerInfo.needs`."""
STEER_NEEDS = ("prompted", "guidance_scale", "sigmas", "noise_table")
"""What a steer is given besides, if it names it: see `registered.SteerInfo.needs`."""
SELECTOR_ARGUMENTS = ("pixels", "points", "box")
SELECTOR_NEEDS = ("excluded",)
"""What a selector is given besides, if it names it: see `registered.SelectorInfo`."""
RESTORER_NEEDS = ("noise", "quality")
"""What a restorer is given besides, if it names it: see `registered.RestorerInfo`."""


class Extension:
    """The object handed to `register(ext)`: a draft, merged into the registries only when `register` returned.

    `version` and `sha256` say which files it is from, `chosen` are the values of its own settings that somebody chose.
    """

    def __init__(
        self, name: str, *, version: str = "", sha256: str = "", chosen: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.sha256 = sha256
        self._chosen = chosen or {}
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
        One that names `unconditional`, `noise_table` or `measure` after `on_step` is given it: see
        `registered.SamplerInfo`.
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

    def architecture(
        self,
        name: str,
        *,
        detect: Callable[[Mapping[str, tuple[int, ...]]], int | None],
        build: Callable[..., Any],
        label: str | None = None,
        multiple: int = 1,
    ) -> None:
        """Add an architecture: networks that clean or enlarge pictures, of a layout that is not known here.

        `detect(shapes)` tells them by the shapes of their tensors, `build(tensors)` makes one with its weights: see
        `registered.ArchitectureInfo`. Torch must be imported inside `build` alone. ValueError for a name that is no id
        or known already, TypeError for functions that do not take one argument or a file that imports torch at its top.
        """
        check_architecture(name, detect, build, multiple)
        info = ArchitectureInfo(detect, build, multiple, _help(build), self.version, self.sha256)
        self.draft.append(("architectures", Entry(name, label or name.replace("_", " "), self.name, info)))

    def preprocessor(self, function: F, *, label: str | None = None) -> F:
        """Add a preprocessor: `function(pixels, **options)`, what img2img's picture goes through before it is drawn.

        See `registered.PreprocessorInfo`. TypeError if the function does not take pixels or an option has no default.
        """
        options = _options(function, "preprocessor", ("pixels",), ())
        return self._add("preprocessors", function, label, PreprocessorInfo(function, options, _help(function)))

    def steer(self, function: F, *, label: str | None = None) -> F:
        """Add a steer: `function(denoise, **options)` gives another denoiser; see `registered.SteerInfo`.

        One that names `prompted`, `guidance_scale`, `sigmas` or `noise_table` is given it. TypeError if the function
        does not take denoise or an option has no default.
        """
        needs = tuple(name for name in STEER_NEEDS if name in inspect.signature(function).parameters)
        options = _options(function, "steer", ("denoise",), STEER_NEEDS)
        return self._add("steers", function, label, SteerInfo(function, options, _help(function), needs))

    def prompt_syntax(self, function: F, *, label: str | None = None) -> F:
        """Add a prompt syntax: `function(text)` gives the same prompt in words that everybody knows.

        See `registered.PromptSyntaxInfo`. TypeError if the function cannot be called with a text alone.
        """
        try:
            inspect.signature(function).bind("")
        except TypeError:
            raise TypeError(f"prompt syntax {function.__name__} does not take (text)") from None
        return self._add("prompt_syntaxes", function, label, PromptSyntaxInfo(function, _help(function)))

    def hook(self, event: HookEvent, function: F) -> F:
        """Add a hook: `function` has a say in every job at the `event` "request", "picture" or "done".

        What it is given and may return: see `registered.HookInfo`. ValueError for another event, TypeError if it does
        not take what it is given.
        """
        check_hook(event, function)
        info = HookInfo(function, event, self.version, self.sha256)
        name = f"{self.name}.{event}.{function.__name__}"
        label = f"{self.name}.{function.__name__} ({event})"
        self.draft.append(("hooks", Entry(name, label, self.name, info)))
        return function

    def route(self, path: str, function: F, *, methods: Sequence[str] = ("GET",)) -> F:
        """Add a route: `function` answers at `/extensions/<name>/<path>`; see `registered.RouteInfo`.

        `path` may have parameters, "items/{number}", and may be empty. ValueError for a path or a method that cannot
        be, TypeError for a parameter of the path that the function does not take.
        """
        check_route(path, function, methods)
        for method in methods:
            info = RouteInfo(function, method, path, _help(function))
            # Two paths that differ in a parameter's name alone are one address.
            name = f"{method} {address(self.name, PARAMETER.sub('{}', path))}"
            self.draft.append(("routes", Entry(name, f"{method} {address(self.name, path)}", self.name, info)))
        return function

    def settings(self, model: type[M]) -> M:
        """The extension's own settings: `model` is a pydantic class with defaults; what is returned, a filled one.

        Values come from `[extensions.<name>]` in settings.toml or from `SDTOOLBOX_EXTENSIONS`. TypeError if a field
        has no default, UserError, and the extension is off, if a value is wrong.
        """
        return own_settings(self.name, model, self._chosen)

    def task(self, request: type[Request], run: TaskFunction, *, label: str | None = None) -> None:
        """Add a task: form, endpoint, command, queue row and metadata all follow from the request class."""
        info = TaskInfo(request, run, _help(request))
        self.draft.append(("tasks", Entry(request.task, label or request.task, self.name, info)))

    def tab(self, build: F, *, label: str | None = None) -> F:
        """Add a tab: `build(toolbox)` is called inside a Gradio Blocks of its own, once for each language of the page.

        One that names `texts` is given `ui.i18n.Texts`, the page's words and its language.
        """
        return self._add("tabs", build, label, build)

    def _add(self, kind: str, function: F, label: str | None, value: Any) -> F:
        name = function.__name__
        self.draft.append((kind, Entry(name, label or name.replace("_", " "), self.name, value)))
        return function


def _help(described: Any) -> str:
    return (inspect.getdoc(described) or "").split("\n\n")[0].replace("\n", " ")


def _options(function: Callable[..., Any], noun: str, given: Sequence[str], needs: Sequence[str]) -> dict[str, Option]:
    parameters = inspect.signature(function).parameters
    missing = [name for name in given if name not in parameters]
    if missing:
        raise TypeError(f"{noun} {function.__name__} does not take {', '.join(missing)}")
    return options_of(function, (*given, *needs))
