"""What a tab promises: it can be built."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.toolbox import Toolbox


def builds(toolbox: Toolbox, entry: Entry[Any], given: Mapping[str, Any]) -> str:
    """In Blocks of its own, as the page builds it."""
    from sdtoolbox.ui.page import build_tab

    # In a thread: in a program's first one Gradio would make an event loop that nobody closes.
    with ThreadPoolExecutor(1) as thread:
        built = thread.submit(build_tab, toolbox, entry).result()
    if built.blocks is None:
        raise PromiseError(built.reason)
    return f"{len(built.blocks.blocks)} components"
