"""The command line: a command a task, its flags the fields of the task's request; `--json` everywhere."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import KINDS, CatalogEntry
from sdtoolbox.schema.requests import Request, bounds_of, control_of, shown_fields
from sdtoolbox.schema.results import JOB_STATES, Event, Result

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox


NO_MODELS = "There are no models."


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


def show(as_json: bool, values: Any, text: str) -> None:
    """Print a result: JSON for programs, a sentence for people."""
    click.echo(json.dumps(values, ensure_ascii=False) if as_json else text)


def reports_errors(function: Callable[..., None]) -> Callable[..., None]:
    """Turn a `UserError` into a message and exit status 1, or its JSON with --json; and add the --json flag."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @wraps(function)
    def wrapped(*args: Any, as_json: bool, **values: Any) -> None:
        try:
            function(*args, as_json=as_json, **values)
        except UserError as error:
            if as_json:
                click.echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False))
            else:
                click.echo(f"Error: {error}", err=True)
            raise SystemExit(1) from None

    return wrapped


def open_toolbox(**overrides: Any) -> Toolbox:
    """The toolbox of this machine's settings."""
    from sdtoolbox.settings import load_settings
    from sdtoolbox.toolbox import Toolbox

    return Toolbox.open(load_settings(**overrides))


class Commands(click.Group):
    """The fixed commands and one for each registered task."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.tasks(), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (fixed := super().get_command(ctx, cmd_name)) is not None:
            return fixed
        request = self.tasks().get(cmd_name)
        return task_command(request) if request is not None else None

    def tasks(self) -> dict[str, type[Request]]:
        """The request classes of all tasks, by the name of the command."""
        from sdtoolbox.builtin import load_all
        from sdtoolbox.settings import load_settings

        registries, _ = load_all(load_settings())
        return {entry.id: entry.value.request for entry in registries.tasks}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="sdtoolbox")
def main() -> None:
    """A Stable Diffusion toolbox: draw from a sentence, in the browser or right here.

    All data lie in SDTOOLBOX_HOME; see the README for every setting.
    """


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


@main.command()
@click.option("--host", help="Address to listen on.  [default 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.  [default 7860]")
@click.option("--insecure-no-auth", is_flag=True, default=None, help="Allow an address that others can reach.")
@click.option("--safe-mode", is_flag=True, default=None, help="Load no extensions.")
@reports_errors
def serve(as_json: bool, **overrides: Any) -> None:
    """Start the web app."""
    from sdtoolbox.server.app import serve as serve_forever
    from sdtoolbox.settings import load_settings

    serve_forever(load_settings(**overrides), as_json=as_json)


@main.group()
def models() -> None:
    """What there is to draw with."""


@models.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only models of this kind.")
@reports_errors
def models_list(as_json: bool, kind: str | None) -> None:
    """Look through all model folders and list what is there."""
    with open_toolbox() as toolbox:
        toolbox.catalog.refresh()
        found = [entry for entry in toolbox.catalog if kind in (None, entry.kind)]
    rows = [entry.public() for entry in found]
    columns = ("name", "kind", "base", "state", "reason")
    show(as_json, rows, table([columns, *([row[name] for name in columns] for row in rows)]) if rows else NO_MODELS)


@models.command("show")
@click.argument("name")
@reports_errors
def models_show(as_json: bool, name: str) -> None:
    """Tell all that is known of a model, by its name, id or hash."""
    with open_toolbox() as toolbox:
        entry = find_model(toolbox, name)
        hashes = toolbox.catalog.hashes(entry)
    facts = {key: value for key, value in asdict(entry).items() if key != "path"} | {"hashes": hashes}
    lines = [[key, said(value)] for key, value in facts.items() if value not in ("", None, (), {})]
    show(as_json, facts, table(lines))


@models.command("hash")
@click.argument("name")
@reports_errors
def models_hash(as_json: bool, name: str) -> None:
    """Compute a model's hashes: SHA-256, A1111's short one, AutoV3."""
    with open_toolbox() as toolbox:
        entry = find_model(toolbox, name)
        toolbox.catalog.sha256(entry)
        hashes = toolbox.catalog.hashes(entry)
    show(as_json, {"id": entry.id, "name": entry.name} | hashes, table([[key, value] for key, value in hashes.items()]))


@models.command("convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The new file.  [default: beside the old one]")
@click.option("--force", is_flag=True, help="Write over the new file if it exists.")
@reports_errors
def models_convert(as_json: bool, source: Path, output: Path | None, force: bool) -> None:
    """Make a safetensors file of a pickle (.ckpt, .pt, .pth, .bin), in a process of its own that runs none of it.

    SOURCE is its path, or its name in the catalog.
    """
    from sdtoolbox.engine.convert import convert

    if not source.exists() and source.name == str(source):
        with open_toolbox() as toolbox:
            source = find_model(toolbox, source.name).path
    done = convert(source, output, force)
    text = f"{done.file}: {done.tensors} tensors, {done.kind}, {done.base}, {done.reason or done.state}"
    show(as_json, asdict(done), text)
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)


def find_model(toolbox: Toolbox, name: str) -> CatalogEntry:
    """The model of this name, id or hash, whatever its kind and state."""
    toolbox.catalog.refresh()
    return toolbox.catalog.look_up(name)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in columns; the last column is as long as it needs to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def said(value: Any) -> str:
    """A fact of any type in a line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@main.group()
def styles() -> None:
    """Words and settings under a name, as A1111's web UI keeps them."""


@styles.command("list")
@reports_errors
def styles_list(as_json: bool) -> None:
    """List the styles of this machine."""
    with open_toolbox() as toolbox:
        found = toolbox.styles.list()
    rows = [[style.name, style.prompt, style.negative_prompt] for style in found]
    show(as_json, [asdict(style) for style in found], table(rows) if rows else "There are no styles.")


@styles.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@reports_errors
def styles_import(as_json: bool, source: Path) -> None:
    """Take over the styles of a CSV file; those of the same name are replaced."""
    from sdtoolbox.prompts.styles import load, read_styles

    if not source.is_file():
        raise UserError("PARAM_INVALID", f"there is no file {source.name}.", "Name a CSV file of styles.", "source")
    found = read_styles(load(source), source.name)
    with open_toolbox() as toolbox:
        added, replaced = toolbox.styles.add(found)
    show(as_json, {"added": added, "replaced": replaced}, f"{added} added, {replaced} replaced.")


@styles.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@reports_errors
def styles_export(as_json: bool, target: Path) -> None:
    """Write the styles of this machine into a CSV file that A1111's web UI reads too."""
    from sdtoolbox.prompts.styles import StyleFile

    with open_toolbox() as toolbox:
        found = toolbox.styles.list()
    StyleFile(target).save(found)
    show(as_json, {"styles": len(found)}, f"{len(found)} written to {target.name}.")


@styles.command("remove")
@click.argument("name")
@reports_errors
def styles_remove(as_json: bool, name: str) -> None:
    """Forget a style."""
    with open_toolbox() as toolbox:
        gone = toolbox.styles.get(name, "name")
        toolbox.styles.save([style for style in toolbox.styles.list() if style != gone])
    show(as_json, {"removed": gone.name}, f"{gone.name} removed.")


@main.group()
def jobs() -> None:
    """What waits, runs and is done."""


@jobs.command("list")
@click.option("--state", type=click.Choice(JOB_STATES), multiple=True, help="Only jobs in this state; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@reports_errors
def jobs_list(as_json: bool, state: tuple[Any, ...], limit: int) -> None:
    """List jobs, newest first."""
    with open_toolbox() as toolbox:
        found = toolbox.jobs(state or None, limit)
    lines = [f"{job.number:6}  {job.state:10}  {job.task:10}  {job.request.get('prompt', '')[:60]!r}" for job in found]
    show(as_json, [job.model_dump() for job in found], "\n".join(lines) or "There are no jobs.")


@jobs.command("cancel")
@click.argument("job")
@reports_errors
def jobs_cancel(as_json: bool, job: str) -> None:
    """Cancel a job by its id or number."""
    with open_toolbox() as toolbox:
        wanted = next((j.id for j in toolbox.jobs(None, 10_000) if job in (j.id, str(j.number))), None)
        if wanted is None:
            raise UserError("JOB_MISSING", f"there is no job {job[:40]!r}.", "`sdtoolbox jobs list` shows them.")
        cancelled = toolbox.cancel(wanted)
    show(as_json, {"id": wanted, "cancelled": cancelled}, "Cancelled." if cancelled else "It had ended already.")


@main.command()
@click.argument("picture", type=click.Path(path_type=Path))
@reports_errors
def replay(as_json: bool, picture: Path) -> None:
    """Draw a PNG file of ours again; exit status 0 only if every pixel is the same."""
    from sdtoolbox.replay import recorded_threads
    from sdtoolbox.replay import replay as replay_picture

    with open_toolbox(threads=recorded_threads(picture)) as toolbox:
        outcome = replay_picture(picture, toolbox)
    text = "identical" if outcome.identical else f"differs by up to {outcome.max_difference}/255: {outcome.cause}"
    show(as_json, outcome.as_dict(), text)
    raise SystemExit(0 if outcome.identical else 1)


if __name__ == "__main__":
    main()
