"""The command of a task: its flags are the fields of the task's request."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdtoolbox.cli.output import open_toolbox, reports_errors, show
from sdtoolbox.errors import UserError
from sdtoolbox.schema.requests import Request, bounds_of, control_of, shown_fields
from sdtoolbox.schema.results import Event, Result

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
    options.append(click.Option(["--output", "-o"], type=click.Path(path_type=Path), help="Copy the picture here."))
    callback = reports_errors(lambda as_json, output, **values: _draw(request.task, as_json, output, values))
    options.extend(getattr(callback, "__click_params__", ()))
    return click.Command(request.task, params=options, callback=callback, help=request.__doc__)


def _flag(request: type[Request], name: str) -> click.Option:
    control, info = control_of(request, name), request.model_fields[name]
    low, high = bounds_of(request, name)
    text = info.description or ""
    notes = [f"{low} to {high}"] if low is not None and high is not None else []
    several = control.kind in ("adapters", "options", "styles", "plot")
    if several:
        notes = ["may be repeated"]
    elif info.default not in (None, "", False):
        notes.append(f"default {info.default}")
    flags = [f"--{flag.replace('_', '-')}" for flag in (name, *control.aliases)]
    if control.kind == "flag":
        return click.Option([name, "/".join([flags[0], f"--no-{flags[0][2:]}"])], default=None, help=text)
    kind = click.STRING if several or control.kind in ("prompt", "choice") else Value()
    help_text = text + (f"  [{'; '.join(notes)}]" if notes else "")
    return click.Option([name, *flags], type=kind, multiple=several, help=help_text)


def _draw(task: str, as_json: bool, output: Path | None, values: Mapping[str, Any]) -> None:
    if output is not None and output.suffix.lower() != ".png":
        raise UserError(
            "PARAM_INVALID", f"--output {output.name} is not a PNG file.", "Use a name like out.png.", "output"
        )
    given = {name: value for name, value in values.items() if value not in (None, ())}
    if isinstance(given.get("plot"), tuple):
        given["plot"] = [with_file(line) for line in given["plot"]]
    with open_toolbox() as toolbox:
        request = toolbox.parse(task, given)
        on_event = None if as_json or not sys.stderr.isatty() else progress_line
        result = toolbox.run_request(request, on_event=on_event)
        files = copy_pictures(toolbox, result, output)
    shown = result.model_dump() | {"files": [str(file) for file in files]}
    show(as_json, shown, "\n".join(str(file) for file in files))
    for warning in result.warnings:
        click.echo(f"Warning: {warning}", err=True)


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


def copy_pictures(toolbox: Toolbox, result: Result, output: Path | None) -> list[Path]:
    """Copy a job's pictures to `output` (`out-1.png`, `out-2.png`, … if there are several); where they lie if None."""
    sources = [toolbox.picture_path(picture.id) for picture in result.pictures]
    if output is None:
        return sources
    numbered = [output.with_stem(f"{output.stem}-{i}") for i in range(1, len(sources) + 1)]
    targets = [output] if len(sources) == 1 else numbered
    try:
        for source, target in zip(sources, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError as error:
        raise UserError(
            "DISK_FULL", f"{output} could not be written: {error.strerror}.", "The picture lies in the outputs folder."
        ) from None
    return targets


def progress_line(event: Event) -> None:
    """Show where a job stands on one line of the terminal that is written over."""
    where = f"step {event.step} of {event.steps}" if event.step is not None else event.stage
    left = f" · {event.eta_seconds:.0f} s left" if event.eta_seconds is not None else ""
    click.echo(f"\r\x1b[K{where}{left}", nl=False, err=True)
    if event.state in ("done", "failed", "cancelled"):
        click.echo("\r\x1b[K", nl=False, err=True)
