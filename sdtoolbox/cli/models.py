"""`sdtoolbox models`: what there is to draw with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdtoolbox.cli.output import open_toolbox, reports_errors, said, show, table
from sdtoolbox.models.entries import KINDS, CatalogEntry

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox

NO_MODELS = "There are no models."


@click.group()
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
