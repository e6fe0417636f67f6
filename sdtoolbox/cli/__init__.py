"""The command line: a command a task, its flags the fields of the task's request; `--json` everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sdtoolbox import __version__
from sdtoolbox.cli.drawing import task_command
from sdtoolbox.cli.extensions import extensions
from sdtoolbox.cli.jobs import jobs
from sdtoolbox.cli.models import models
from sdtoolbox.cli.output import open_toolbox, reports_errors, show
from sdtoolbox.cli.styles import styles
from sdtoolbox.schema.requests import Request


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


@main.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--image", type=click.Path(path_type=Path), help="The picture that it was drawn from, if it is gone.")
@click.option("--mask", type=click.Path(path_type=Path), help="The mask that it was drawn with, if it is gone.")
@reports_errors
def replay(as_json: bool, picture: Path, **inputs: Path | None) -> None:
    """Draw a PNG file of ours again; exit status 0 only if every pixel is the same."""
    from sdtoolbox.replay import recorded_threads
    from sdtoolbox.replay import replay as replay_picture

    with open_toolbox(threads=recorded_threads(picture)) as toolbox:
        given = {field: file for field, file in inputs.items() if file is not None}
        outcome = replay_picture(picture, toolbox, given)
    text = "identical" if outcome.identical else f"differs by up to {outcome.max_difference}/255: {outcome.cause}"
    show(as_json, outcome.as_dict(), text)
    raise SystemExit(0 if outcome.identical else 1)


for command in (models, styles, jobs, extensions):
    main.add_command(command)
