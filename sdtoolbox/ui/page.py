"""One page in one language: the header, a tab for every task and extension, and the stream of what jobs do."""

from __future__ import annotations

import inspect
import logging
import secrets
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from sdtoolbox.registry import Entry
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import pieces
from sdtoolbox.ui.controls import build_control
from sdtoolbox.ui.endpoint import add_endpoint
from sdtoolbox.ui.extension_views import Change, without_folders
from sdtoolbox.ui.extensions_tab import build_extensions_tab, error_card
from sdtoolbox.ui.following import QUEUE, Follower
from sdtoolbox.ui.form import Values
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.models_tab import build_models_tab
from sdtoolbox.ui.task_events import QUICK, TaskEvents, client_of
from sdtoolbox.ui.task_tab import Shared, TaskTab

log = logging.getLogger(__name__)
CACHE_SECONDS = 3600  # Gradio's copies of pictures for its clients are removed when they are this old


@dataclass(frozen=True, slots=True)
class BuiltTab:
    """An extension's tab: its Blocks, or why there is none."""

    id: str
    label: str
    blocks: gr.Blocks | None
    owner: str = ""
    reason: str = ""
    details: str = ""  # the traceback


def build_page(
    toolbox: Toolbox,
    texts: Texts,
    *,
    shared: bool = False,
    insecure: bool = False,
    change: Change = lambda action: action(),
) -> gr.Blocks:
    """The whole page. Extensions' tabs are built before it, each in Blocks of its own: one that raises is a card.

    On a `shared` server nobody sees or cancels the jobs of others; an `insecure` one says so. `change` is what the
    Extensions tab hands over to, so that the pages are built anew: see `extension_views.Change`.
    """
    extras = [build_tab(toolbox, entry, texts) for entry in toolbox.registries.tabs]
    with gr.Blocks(
        title=texts("app.title"), fill_width=True, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)
    ) as page:
        # A fixed key and secret, here and for the forms: a restart of the server must not empty the browsers.
        browser = gr.BrowserState({"client": ""}, storage_key="sdtoolbox-browser", secret="sdtoolbox")
        forms = {
            entry.id: gr.BrowserState({}, storage_key=f"sdtoolbox-form-{entry.id}", secret="sdtoolbox")
            for entry in toolbox.registries.tasks
        }
        queue, checkpoint = _header(toolbox, texts, browser, shared)
        if insecure:
            gr.HTML(f'<p class="sd-banner" role="alert">{escape(texts("app.insecure"))}</p>', js_on_load=None)
        tabs = _tabs(Shared(toolbox, texts, checkpoint, browser, forms, shared), extras, change)
        # Gradio builds a tab when it is opened first, and what is sent to a panel before that would break it.
        introduced = "() => { window.sdIntroduced = true; document.dispatchEvent(new Event('sd:introduced')); }"
        ready = page.load(_introduce, browser, browser, **QUICK)
        ready.then(None, None, None, js=introduced)
        follower = Follower(toolbox, texts, [tab.request.task for tab in tabs], shared=shared)
        ready.then(follower.stream(QUEUE), browser, queue, **QUICK)
        for tab in tabs:
            tab.panel.focus(follower.stream(tab.request.task), browser, tab.panel, **QUICK)
    # On a page of their own: browsers are not sent what only programs ask for.
    with page.route("Endpoints", "endpoints", show_in_navbar=False):
        for entry in toolbox.registries.tasks:
            add_endpoint(toolbox, entry)
    return page


def build_tab(toolbox: Toolbox, entry: Entry[Any], texts: Texts | None = None) -> BuiltTab:
    """Build an extension's tab, in this language if it asks; what it raises is logged and the reason on its card."""
    identity, texts = f"{entry.owner}.{entry.id}", texts or Texts()
    label = texts.get(f"tab.{entry.id}", entry.label)
    try:
        with gr.Blocks() as blocks:
            named = "texts" in inspect.signature(entry.value).parameters
            entry.value(toolbox, **({"texts": texts} if named else {}))
    except Exception as error:  # an author's mistake must not take the page down
        log.exception("tab %s of extension %s could not be built", entry.label, entry.owner)
        details = "".join(traceback.format_exception(error))
        return BuiltTab(identity, label, None, entry.owner, f"{type(error).__name__}: {error}", details)
    return BuiltTab(identity, label, blocks, entry.owner)


def _header(toolbox: Toolbox, texts: Texts, browser: gr.BrowserState, shared: bool) -> tuple[gr.HTML, Component]:
    with gr.Row(elem_id="sd-top"):
        pieces.brand(texts)
        checkpoint = build_control(Txt2Img, "checkpoint", texts, toolbox)
        queue = pieces.queue(texts)
        pieces.page_tools(texts)

    def cancel(event: gr.EventData) -> None:
        toolbox.cancel(str(event.job))

    def cancel_all(browser_state: Values) -> None:
        toolbox.queue.cancel_all(client_of(browser_state) if shared else None)

    queue.delete(cancel, None, None, **QUICK)
    queue.clear(cancel_all, browser, None, **QUICK)
    return queue, checkpoint


def _tabs(shared: Shared, extras: Sequence[BuiltTab], change: Change) -> list[TaskTab]:
    tasks: list[TaskEvents] = []
    with gr.Tabs(elem_classes="sd-tabs"):
        for entry in shared.toolbox.registries.tasks:
            with gr.Tab(shared.texts.get(f"task.{entry.id}", entry.label), id=entry.id):
                tasks.append(TaskEvents(TaskTab(shared, entry), leads=not tasks))
        tabs = [task.tab for task in tasks]
        with gr.Tab(shared.texts("tab.models"), id="models"):
            models = build_models_tab(shared.toolbox, shared.texts, tabs, shared=shared.by_many)
        for task in tasks:
            task.follow_models(models)
        for extra in extras:
            with gr.Tab(extra.label, id=extra.id):
                if extra.blocks is not None:
                    with gr.Column(elem_classes="sd-extra"):
                        extra.blocks.render()
                else:
                    reason = without_folders(extra.reason) if shared.by_many else extra.reason
                    card = error_card(shared.texts("extensions.tab_failed"), f"{extra.owner}: {reason}")
                    gr.HTML(card, apply_default_css=False, js_on_load=None)
        with gr.Tab(shared.texts("tab.extensions"), id="extensions"):
            failed = [(one.owner, f"{one.label}: {one.reason}", one.details) for one in extras if one.blocks is None]
            build_extensions_tab(shared.toolbox, shared.texts, failed, change=change, shared=shared.by_many)
    return tabs


def _introduce(browser: Values | None) -> Values:
    """Give a new browser the id under which its jobs are kept."""
    return {"client": client_of(browser) or secrets.token_hex(16)}
