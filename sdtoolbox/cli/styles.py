"""`sdtoolbox styles`: words and settings under a name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from sdtoolbox.cli.output import open_toolbox, reports_errors, show, table
from sdtoolbox.errors import UserError


@click.group()
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
