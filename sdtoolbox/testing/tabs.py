"""What a tab promises: it can be built."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.toolbox import Toolbox


def builds(toolbox: Toolbox, entry: Entry[Any], given: Mapping[str, Any]) -> str:
    """In Blocks of its own, as the page builds it."""
    from sdtoolbox.ui.page import BuiltTab, build_tab

    async def build() -> BuiltTab:
        return build_tab(toolbox, entry)

    # Where no event loop runs Gradio makes some that nobody closes; in a thread, for this one may have a loop.
    with ThreadPoolExecutor(1) as thread:
        built = thread.submit(asyncio.run, build()).result()
    if built.blocks is None:
        raise PromiseError(built.reason)
    return f"{len(built.blocks.blocks)} components"
