"""The page's own pieces of HTML: empty frames that a script of ours fills, with texts in the page's language."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from sdtoolbox.ui.controls import script
from sdtoolbox.ui.i18n import COOKIE, Texts, languages

EXAMPLES = 3
ASPECTS = ((1, 1), (4, 3), (3, 2), (16, 9), (3, 4), (2, 3), (9, 16))
NAMES = {"en": "English", "zh-CN": "简体中文"}


def _piece(name: str, template: str, texts: Texts, value: Any, prefixes: tuple[str, ...], **options: Any) -> gr.HTML:
    said = {key: text for prefix in prefixes for key, text in texts.below(prefix).items()}
    return gr.HTML(
        value=value,
        html_template=template,
        js_on_load=script(name),
        apply_default_css=False,
        texts=said,
        **options,
    )


def panel(texts: Texts, seed_id: str) -> gr.HTML:
    """Stage, progress, results and parameters of a task; its value is `views.desk`."""
    examples = "".join(
        f'<button type="button" class="sd-button" data-example="{n}">{escape(texts(f"example.{n}"))}</button>'
        for n in range(EXAMPLES)
    )
    t = {key: escape(text) for key, text in texts.below("panel.").items()}
    template = f"""<section class="sd-panel">
<div class="sd-stage" data-kind="empty" aria-live="off">
<img class="sd-picture" alt="" hidden>
<span class="sd-chip" hidden>{t["panel.preview"]}</span>
<div class="sd-failure" role="alert" hidden></div>
<div class="sd-empty" hidden><p>{t["panel.welcome"]}</p><div class="sd-examples">{examples}</div>
<p class="sd-hint">{t["panel.models"]}</p></div>
</div>
<div class="sd-progress" data-busy="false"><div class="sd-track"><div class="sd-bar"></div></div>
<span class="sd-line" role="status"></span>
<button type="button" class="sd-button" data-action="stop" data-icon="stop" hidden><span>{t["panel.stop"]}</span></button></div>
<div class="sd-strip" role="listbox" aria-label="{t["panel.results"]}" aria-orientation="horizontal"></div>
<div class="sd-tools"><span class="sd-facts"></span>
<button type="button" class="sd-button" data-action="reuse" data-icon="seed" disabled><span>{t["panel.reuse"]}</span></button>
<button type="button" class="sd-button" data-action="copy" data-icon="copy" data-label="panel.copy" disabled>\
<span>{t["panel.copy"]}</span></button>
<a class="sd-button" data-icon="save" download aria-disabled="true"><span>{t["panel.download"]}</span></a>
<a class="sd-button" data-icon="open" target="_blank" rel="noopener" aria-disabled="true"><span>{t["panel.open"]}</span></a></div>
<details class="sd-details"><summary>{t["panel.parameters"]}</summary><pre class="sd-parameters" tabindex="0"></pre></details>
</section>"""
    return _piece(
        "panel", template, texts, {"jobs": []}, ("panel.", "stage.", "queue.", "time."), elem_classes="sd-piece", seed_id=seed_id
    )


def queue(texts: Texts) -> gr.HTML:
    """The button with the queue's length and the drawer below it; its value is `views.queue`."""
    t = {key: escape(text) for key, text in texts.below("queue.").items()}
    template = f"""<div class="sd-queue">
<button type="button" class="sd-button sd-queue-button" aria-expanded="false"><i class="sd-dot"></i><span>{t["queue.idle"]}</span></button>
<div class="sd-drawer" role="dialog" aria-label="{t["queue.title"]}" hidden>
<header><h2>{t["queue.title"]}</h2><button type="button" class="sd-button sd-queue-clear">{t["queue.cancel_all"]}</button></header>
<ul class="sd-queue-rows"></ul><p class="sd-queue-empty">{t["queue.empty"]}</p></div></div>"""
    return _piece("queue", template, texts, {"jobs": []}, ("queue.", "stage.", "time."), elem_id="sd-queue")


def brand(texts: Texts) -> gr.HTML:
    """The name of the house."""
    return gr.HTML(
        f'<a class="sd-brand" href="./" title="{escape(texts("app.description"))}">{_MARK}<b>{escape(texts("app.title"))}</b></a>',
        apply_default_css=False,
        js_on_load=None,
        elem_id="sd-brand",
    )


def tools(texts: Texts) -> gr.HTML:
    """Light or dark, and the language; also the keys that work on the whole page."""
    options = "".join(
        f'<option value="{language}"{" selected" if language == texts.language else ""}>{NAMES.get(language, language)}</option>'
        for language in languages()
    )
    theme, language = escape(texts("app.theme")), escape(texts("app.language"))
    template = f"""<div class="sd-tools-page">
<button type="button" class="sd-button sd-square" data-action="theme" title="{theme}" aria-label="{theme}">{_HALF}</button>
<label class="sd-language" title="{language}"><span aria-hidden="true">文</span>
<select data-action="language" aria-label="{language}">{options}</select></label></div>"""
    return _piece(
        "page", template, texts, None, ("page.",), elem_id="sd-page-tools", language=texts.language, cookie=COOKIE
    )


def notices(texts: Texts) -> gr.HTML:
    """Where a refusal is said: `{"problems": [{id, text}]}`, each at its field or else here."""
    return _piece("notices", '<div class="sd-notices"></div>', texts, {"problems": []}, (), elem_classes="sd-piece")


def aspects(texts: Texts, width_id: str, height_id: str, own: dict[str, int]) -> gr.HTML:
    """Buttons for the usual shapes, and the swap; its value is the checkpoint's own size."""
    shapes = "".join(
        f'<button type="button" class="sd-button sd-aspect" data-ratio="{x}:{y}">'
        f'<i style="aspect-ratio:{x}/{y};{"width" if x >= y else "height"}:14px"></i><span>{x}:{y}</span></button>'
        for x, y in ASPECTS
    )
    swap, group = escape(texts("form.swap")), escape(texts("form.aspects"))
    template = f"""<div class="sd-aspects" role="group" aria-label="{group}">{shapes}
<button type="button" class="sd-button sd-square" data-action="swap" title="{swap}" aria-label="{swap}">{_SWAP}</button></div>"""
    return _piece("size", template, texts, own, (), elem_classes="sd-piece", width_id=width_id, height_id=height_id)


_MARK = (
    '<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><rect x="1" y="1" width="22" height="22" rx="6" '
    'fill="var(--sd-accent)"/><path d="M5 16.500 9.500 10l3.500 4.500 2-2.500 4 4.500z" fill="var(--sd-on-accent)"/>'
    '<circle cx="16" cy="7.500" r="2" fill="var(--sd-on-accent)"/></svg>'
)
_HALF = (
    '<svg class="sd-icon" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="5.500"/>'
    '<path class="sd-solid" d="M8 2.500a5.500 5.500 0 0 1 0 11z"/></svg>'
)
_SWAP = (
    '<svg class="sd-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M2.500 5.500h10M10 3l2.500 2.500L10 8M13.500 10.500h-10'
    'M6 8l-2.500 2.500L6 13"/></svg>'
)
