"""The tab that says which extensions are on, what they add, and why the others are not."""

from __future__ import annotations

from html import escape

import gradio as gr

from sdtoolbox.extensions.loading import Report
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts


def build_extensions_tab(toolbox: Toolbox, texts: Texts) -> None:
    """The list of all extensions found, in the current Blocks."""
    gr.HTML(extensions_html(toolbox.reports, texts), apply_default_css=False, js_on_load=None, elem_classes="sd-piece")


def extensions_html(reports: list[Report], texts: Texts) -> str:
    """The list as HTML; names and reasons come from files, so they are escaped."""
    intro = f'<p class="sd-hint">{escape(texts("extensions.intro"))}</p>'
    if not reports:
        return _sheet(f"{intro}<p>{escape(texts('extensions.none'))}</p>")
    titles = (texts(f"extensions.{key}") for key in ("name", "adds", "time", "state"))
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    rows = "".join(_row(report, texts) for report in reports)
    return _sheet(f"{intro}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")


def _row(report: Report, texts: Texts) -> str:
    state = texts("extensions.off", reason=report.reason) if report.reason else texts("extensions.on")
    cells = (report.name, ", ".join(report.adds) or "–", f"{report.seconds * 1000:.0f} ms", state)
    return f'<tr data-on="{not report.reason}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def error_card(title: str, reason: str) -> str:
    """What stands in the place of a tab that could not be built."""
    return _sheet(f'<div class="sd-card" role="alert"><h3>{escape(title)}</h3><p>{escape(reason)}</p></div>')


def _sheet(inside: str) -> str:
    return f'<section class="sd-sheet">{inside}</section>'
