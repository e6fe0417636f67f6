"""`sdtoolbox extensions`: what is added to the toolbox, and help for those who write more."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdtoolbox.cli.drawing import Value
from sdtoolbox.cli.output import open_toolbox, reports_errors, show, table
from sdtoolbox.errors import UserError
from sdtoolbox.extensions.skeletons import KINDS, write_skeleton

if TYPE_CHECKING:
    from sdtoolbox.extensions.loading import Report
    from sdtoolbox.toolbox import Toolbox

COLUMNS = ("name", "state", "adds", "seconds", "reason")
LATER = (
    "Workers follow by themselves. So does a server that is running: it builds its page anew, and open pages say that "
    "there is a new one."
)


@click.group()
def extensions() -> None:
    """What is added to the toolbox, and help for those who write more."""


@extensions.command("list")
@click.option("--safe-mode", is_flag=True, default=None, help="Load none, and so list none.")
@reports_errors
def extensions_list(as_json: bool, safe_mode: bool | None) -> None:
    """List every extension that is found: what it adds, or why it is off."""
    with open_toolbox(safe_mode=safe_mode) as toolbox:
        off = toolbox.settings.safe_mode
        rows = [_row(report) for report in toolbox.reports]
    none = "Safe mode: no extension is loaded." if off else "There are no extensions."
    lines = [[_cell(row[name]) for name in COLUMNS] for row in rows]
    show(as_json, rows, table([COLUMNS, *lines]) if rows else none)


@extensions.command("enable")
@click.argument("name")
@reports_errors
def extensions_enable(as_json: bool, name: str) -> None:
    """Switch an extension on."""
    with open_toolbox() as toolbox:
        toolbox.switch_extension(name, on=True)
        _show_one(toolbox, name, as_json)


@extensions.command("disable")
@click.argument("name")
@reports_errors
def extensions_disable(as_json: bool, name: str) -> None:
    """Switch an extension off: what it adds is gone until it is switched on again."""
    with open_toolbox() as toolbox:
        toolbox.switch_extension(name, on=False)
        _show_one(toolbox, name, as_json)


@extensions.command("reload")
@reports_errors
def extensions_reload(as_json: bool) -> None:
    """Read all extensions anew, here and in every worker."""
    with open_toolbox() as toolbox:
        toolbox.reload_extensions()
        rows = [_row(report) for report in toolbox.reports]
    loaded = sum(row["state"] == "loaded" for row in rows)
    show(as_json, rows, f"{loaded} of {len(rows)} extensions are loaded. {LATER}")


@extensions.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="sampler", show_default=True, help="What it adds.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to.  [default: your own]")
@reports_errors
def extensions_new(as_json: bool, name: str, kind: str, folder: Path | None) -> None:
    """Write an extension that works, to be changed, and a test of it."""
    from sdtoolbox.settings import load_settings

    files = write_skeleton(kind, name, folder or load_settings().home / "extensions")
    said = "\n".join(map(str, files))
    show(as_json, {"files": [str(file) for file in files]}, f"{said}\nTry it: sdtoolbox extensions test {files[0]}")


@extensions.command("test")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--value", "values", multiple=True, help="A value for a task's requests: field=value; may be repeated.")
@reports_errors
def extensions_test(as_json: bool, path: Path, values: tuple[str, ...]) -> None:
    """Check whether an extension, a file or a folder, keeps what its kind promises; exit status 1 if not."""
    from sdtoolbox.testing.conformance import checks_of_file

    made = []
    # What an extension prints must not get into the JSON.
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        for check in checks_of_file(path, _values(values)):
            made.append(check)
            if not as_json:
                click.echo(str(check))
                click.echo(check.details.rstrip(), err=True, nl=bool(check.details))
    faults = sum(not check.passed for check in made)
    show(as_json, [check.as_dict() for check in made], f"{len(made)} checks, {faults} failed.")
    if faults:
        raise SystemExit(1)


def _values(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise UserError("PARAM_INVALID", f"{pair[:80]!r} is no value.", "Write field=value.", "value")
        found[name.strip()] = Value().convert(text, None, None)
    return found


def _show_one(toolbox: Toolbox, name: str, as_json: bool) -> None:
    row = next(_row(report) for report in toolbox.reports if report.name == name)
    why = f": {row['reason']}" if row["state"] == "quarantined" else ""
    show(as_json, row, f"{name} is {row['state']}{why}. {LATER}")


def _row(report: Report) -> dict[str, Any]:
    wanted = ("name", "state", "reason", "adds", "seconds", "version", "description", "place")
    return {name: value for name, value in report.as_dict().items() if name in wanted}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
