"""The tab that says which extensions are on, what they add, why others are not, and switches them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import pieces
from sdtoolbox.ui.extension_views import Change, ExtensionViews
from sdtoolbox.ui.i18n import Texts


def build_extensions_tab(
    toolbox: Toolbox, texts: Texts, failed: Sequence[tuple[str, str, str]], *, change: Change, shared: bool
) -> gr.HTML:
    """The tab in the current Blocks; for the arguments see `ExtensionViews`."""
    views = ExtensionViews(toolbox, texts, change=change, failed=failed, shared=shared)
    return pieces.extensions(texts, views.functions())


def error_card(title: str, reason: str) -> str:
    """What stands in the place of a tab that could not be built."""
    inside = f'<div class="sd-card" role="alert"><h3>{escape(title)}</h3><p>{escape(reason)}</p></div>'
    return f'<section class="sd-sheet">{inside}</section>'
