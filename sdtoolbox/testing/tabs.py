"""What a tab promises: it can be built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.toolbox import Toolbox


def builds(toolbox: Toolbox, entry: Entry[Any], given: Mapping[str, Any]) -> str:
    """In Blocks of its own, as the page builds it."""
    from sdtoolbox.ui.page import build_tab

    built = build_tab(toolbox, entry)
    if built.blocks is None:
        raise PromiseError(built.reason)
    return f"{len(built.blocks.blocks)} components"
