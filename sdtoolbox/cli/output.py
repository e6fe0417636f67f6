"""What all commands have in common: the toolbox, what they print, how they say what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sdtoolbox.errors import UserError

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox


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
