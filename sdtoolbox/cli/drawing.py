"""The command of a task: its flags are the fields of the task's request."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdtoolbox.cli.files import added, check_kind, check_output, copy_pictures, input_files, suffix_for
from sdtoolbox.cli.output import open_toolbox, reports_errors, show
from sdtoolbox.errors import UserError
from sdtoolbox.schema.fields import Control
from sdtoolbox.schema.requests import (
    PICTURE_KINDS,
    Request,
    bounds_of,
    control_of,
    picture_fields,
    shown_fields,
)
from sdtoolbox.schema.results import Event

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox


class Value(click.ParamType[Any]):
    """A number where the text is one, else the text: the request class judges it, in the same words at every door."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        for number in (int, float):
            try:
                return number(value)
            except ValueError:
                continue
        return value


def task_command(request: type[Request]) -> click.Command:
    """The command of a task: one flag a field, with its help, bounds and aliases."""
    options: list[click.Parameter] = [_flag(request, name) for name in shown_fields(request)]
    where = "Copy the picture here, as .png, .tif, .jpg, .webp or .avif; a folder, if several come in."
    options.append(click.Option(["--output", "-o"], type=click.Path(path_type=Path), help=where))
    if "image" in request.model_fields:
        words = "Take what is not said here from each picture's own text."
        options.append(click.Option(["--own-parameters", "own"], is_flag=True, help=words))
    callback = reports_errors(lambda as_json, output, own=False, **values: _draw(request, as_json, output, own, values))
    options.extend(getattr(callback, "__click_params__", ()))
    return click.Command(request.task, params=options, callback=callback, help=request.__doc__)


def _flag(request: type[Request], name: str) -> click.Option:
    control, info = control_of(request, name), request.model_fields[name]
    low, high = bounds_of(request, name)
    text = info.description or ""
    notes = [f"{low} to {high}"] if low is not None and high is not None else []
    if control.kind in PICTURE_KINDS:
        several = name == "image"
        notes = ["a file or a folder; may be repeated" if several else "a file"]
        return click.Option([name, *_flags(name, control)], multiple=several, help=f"{text}  [{'; '.join(notes)}]")
    several = control.kind in ("adapters", "options", "styles", "plot", "stages", "steers")
    if several:
        notes = ["may be repeated"]
    elif info.default not in (None, "", False):
        notes.append(f"default {info.default}")
    flags = _flags(name, control)
    if control.kind == "flag":
        return click.Option([name, "/".join([flags[0], f"--no-{flags[0][2:]}"])], default=None, help=text)
    kind = click.STRING if several or control.kind in ("prompt", "choice", "restorer") else Value()
    help_text = text + (f"  [{'; '.join(notes)}]" if notes else "")
    return click.Option([name, *flags], type=kind, multiple=several, help=help_text)


def _flags(name: str, control: Control) -> list[str]:
    return [f"--{flag.replace('_', '-')}" for flag in (name, *control.aliases)]


def _draw(request: type[Request], as_json: bool, output: Path | None, own: bool, values: Mapping[str, Any]) -> None:
    given = {name: value for name, value in values.items() if value not in (None, ())}
    if isinstance(given.get("plot"), tuple):
        given["plot"] = [with_file(line) for line in given["plot"]]
    moving = "image" in request.model_fields and control_of(request, "image").moving
    images = input_files(given.pop("image", ()), "image", moving=moving)
    check_output(output, len(images))
    with open_toolbox() as toolbox:
        for name in picture_fields(request):
            if name in given:
                given[name] = added(toolbox, given[name], control_of(request, name).kind, name)
        if len(images) < 2:
            one = _one(toolbox, request, given, images[0] if images else None, own, output, as_json)
            show(as_json, one, "\n".join(one["files"]))
        else:
            _each(toolbox, request, given, images, own, output, as_json)


def _each(
    toolbox: Toolbox,
    request: type[Request],
    given: Mapping[str, Any],
    images: Sequence[str],
    own: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """A job for each picture; one that cannot be done is said, and the others are done all the same."""
    failed = 0
    for image in images:
        output = folder / f"{Path(image).stem}{suffix_for(image)}" if folder is not None else None
        try:
            one = _one(toolbox, request, given, image, own, output, as_json)
        except UserError as error:
            failed += 1
            show(as_json, {"image": image, "error": error.as_dict()}, f"Error: {image}: {error}")
        else:
            show(as_json, {"image": image} | one, "\n".join(one["files"]))
    if failed:
        raise SystemExit(1)


def _one(
    toolbox: Toolbox,
    request: type[Request],
    given: Mapping[str, Any],
    image: str | None,
    own: bool,
    output: Path | None,
    as_json: bool,
) -> dict[str, Any]:
    """Draw one job and copy its pictures: its result, with the files."""
    values = dict(given)
    if image is not None:
        values["image"] = added(toolbox, image, "picture", "image")
        check_kind(output, toolbox.store.is_video(values["image"]))
        if own:
            values = _said_by(toolbox, request, values["image"]) | values
    on_event = None if as_json or not sys.stderr.isatty() else progress_line
    result = toolbox.run_request(toolbox.parse(request.task, values), on_event=on_event)
    files = copy_pictures(toolbox, result, output)
    for warning in result.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return result.model_dump() | {"files": [str(file) for file in files]}


def _said_by(toolbox: Toolbox, request: type[Request], image: str) -> dict[str, Any]:
    """The parameters in a picture's own text, none if it says nothing."""
    try:
        return toolbox.recall(toolbox.picture_path(image), request.task).values
    except UserError:
        return {}


def with_file(axis: str) -> str:
    """An axis whose values lie in a file: `x: prompts: @list.txt`; any other as it is."""
    head, at, name = axis.partition(": @")
    if not at:
        return axis
    try:
        return f"{head}: {Path(name.strip()).read_text('utf-8')}"
    except (OSError, UnicodeDecodeError) as error:
        said = f"{Path(name.strip()).name} cannot be read: {type(error).__name__}."
        raise UserError("PARAM_INVALID", said, "Name a text file with a value in each line.", "plot") from None


def progress_line(event: Event) -> None:
    """Show where a job stands on one line of the terminal that is written over."""
    where = f"step {event.step} of {event.steps}" if event.step is not None else event.stage
    left = f" · {event.eta_seconds:.0f} s left" if event.eta_seconds is not None else ""
    click.echo(f"\r\x1b[K{where}{left}", nl=False, err=True)
    if event.state in ("done", "failed", "cancelled"):
        click.echo("\r\x1b[K", nl=False, err=True)
