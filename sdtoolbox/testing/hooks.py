"""What every hook promises: it lets a job pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtoolbox.registered import HookInfo
from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.testing.checkpoint import NAME as FAKE
from sdtoolbox.toolbox import Toolbox


def lets_pass(toolbox: Toolbox, entry: Entry[HookInfo], given: Mapping[str, Any]) -> str:
    """It is called for a drawing, and fails neither there nor in the job."""
    name = entry.id.rpartition(".")[2]
    toolbox.run("txt2img", prompt="a house.", seed=7, checkpoint=FAKE)
    found = next(one for one in toolbox.hook_times() if (one.event, one.hook) == (entry.value.event, name))
    if found.failures:
        raise PromiseError(f"it failed: {found.last_failure}")
    if not found.calls:
        raise PromiseError("it was not called")
    return f"{found.seconds / found.calls * 1000:.1f} ms a call"
