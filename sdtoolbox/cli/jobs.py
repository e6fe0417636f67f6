"""`sdtoolbox jobs`: what waits, runs and is done."""

from __future__ import annotations

from typing import Any

import click

from sdtoolbox.cli.output import open_toolbox, reports_errors, show
from sdtoolbox.errors import UserError
from sdtoolbox.schema.results import JOB_STATES


@click.group()
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
