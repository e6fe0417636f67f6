"""Extensions in a real browser: switched off and on, read anew from changed files, broken ones, the guide's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.settings import bundled
from tests.ui.conftest import visit
from tests.web import Web, ready, serve, wait_until

pytestmark = pytest.mark.browser

GUIDE = (bundled("extensions") / "README.md").read_text("utf-8")
BROKEN = '''"""A tab that cannot be built, and a sampler all the same."""
VERSION = "0.3"


def torn(toolbox):
    import gradio as gr

    gr.Markdown("half of a tab")
    raise ValueError("no <b>idea</b>")


def calm(denoise, x, sigmas, *, noise, on_step):
    return x


def register(ext):
    ext.tab(torn, label="Torn")
    ext.sampler(calm, label="Calm")
'''
LABELLED = '''"""A tab and a sampler, under the label {label}."""


def shown(toolbox):
    import gradio as gr

    gr.Markdown("this is the tab {label}")


def walk(denoise, x, sigmas, *, noise, on_step):
    return x


def register(ext):
    ext.tab(shown, label="{label}")
    ext.sampler(walk, label="{label} walk")
'''


def shown_in_the_guide(section: str) -> str:
    text = next(one for one in GUIDE.split("\n## ") if one.startswith(f"{section}\n"))
    return str(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])


@pytest.fixture(scope="module")
def own_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server whose home folder has four extensions of its own."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "extensions"
    folder.mkdir()
    (folder / "broken.py").write_text(BROKEN)
    (folder / "garden.py").write_text(LABELLED.format(label="Garden"))
    (folder / "guide_sampler.py").write_text(shown_in_the_guide("A sampler"))
    (folder / "guide_tab.py").write_text(shown_in_the_guide("A tab"))
    (folder / "syntax.py").write_text("def register(ext)\n")
    with serve(home, extension_patience="60") as running:
        yield running


@pytest.fixture(scope="module")
def page(own_web: Web, chromium: Any) -> Iterator[Any]:
    page = visit(own_web, chromium)
    page.set_default_timeout(60_000)
    yield page
    page.context.close()


def open_extensions(page: Any) -> None:
    page.evaluate("sdPieces.openTab('extensions')")
    page.wait_for_selector(".sd-extension >> visible=true")


def act(page: Any, click: str) -> None:
    """Click, and wait until the page has loaded itself again and shows the tab."""
    page.evaluate("window.before = true")
    page.click(click)
    assert page.is_disabled("[data-action=reload]")
    page.wait_for_function("window.before === undefined")
    ready_again(page)


def ready_again(page: Any) -> None:
    page.wait_for_selector(".sd-extension >> visible=true")


def switch(page: Any, name: str) -> None:
    act(page, f".sd-extension[data-name={name}] [data-switch]")


def tabs(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(".sd-tabs [role=tab]").all_inner_texts()]


def row(page: Any, name: str) -> Any:
    return page.locator(f".sd-extension[data-name={name}]")


def open_form(page: Any) -> None:
    page.evaluate("sdPieces.openTab('txt2img')")
    page.wait_for_selector("#txt2img-generate >> visible=true")


def samplers(page: Any) -> list[str]:
    open_form(page)
    page.click("#txt2img-sampler input")
    found = [text.strip() for text in page.locator("[role=option] >> visible=true").all_inner_texts()]
    page.keyboard.press("Escape")
    return [text.removeprefix("✓").strip() for text in found]


def test_each_extension_has_a_row_that_says_how_it_fares(page: Any) -> None:
    open_extensions(page)
    assert row(page, "garden").get_attribute("data-state") == "loaded"
    said = row(page, "garden").inner_text()
    assert "A tab and a sampler, under the label Garden." in said
    assert "tab Garden" in said and "sampler Garden walk" in said and "your file garden.py" in said
    assert "part of sdtoolbox (ralston.py)" in row(page, "ralston").inner_text()
    assert row(page, "syntax").get_attribute("data-state") == "quarantined"
    assert "It is no valid Python" in row(page, "syntax").inner_text()
    trace = row(page, "syntax").locator("pre")
    assert not trace.is_visible()
    row(page, "syntax").locator("summary").click()
    assert "SyntaxError" in trace.inner_text()
    assert not page.failures


def test_a_tab_that_raises_is_a_card_while_its_sampler_and_all_else_work(page: Any) -> None:
    page.evaluate("sdPieces.openTab('broken.torn')")
    page.wait_for_selector(".sd-card >> visible=true")
    assert "ValueError: no <b>idea</b>" in page.inner_text(".sd-card")
    assert "Calm" in samplers(page)
    open_extensions(page)
    assert row(page, "broken").get_attribute("data-state") == "loaded"
    assert "Torn: ValueError" in row(page, "broken").inner_text()


def test_switched_off_its_tab_and_sampler_go_and_come_back_with_the_form_as_it_was(page: Any) -> None:
    open_form(page)
    page.fill("#txt2img-prompt textarea", "a garden in the rain")
    page.wait_for_timeout(500)
    assert "Garden walk" in samplers(page)
    open_extensions(page)
    switch(page, "garden")
    assert "Garden" not in tabs(page)
    assert row(page, "garden").get_attribute("data-state") == "disabled"
    assert "Garden walk" not in samplers(page)
    assert page.input_value("#txt2img-prompt textarea") == "a garden in the rain"
    open_extensions(page)
    switch(page, "garden")
    assert "Garden" in tabs(page)
    assert "Garden walk" in samplers(page)
    page.evaluate("sdPieces.openTab('garden.shown')")
    page.wait_for_selector("text=this is the tab Garden >> visible=true")
    assert not page.failures


def test_a_changed_file_counts_after_reload_and_other_browsers_are_told(own_web: Web, page: Any, chromium: Any) -> None:
    other = visit(own_web, chromium)
    try:
        (own_web.home / "extensions" / "garden.py").write_text(LABELLED.format(label="Meadow"))
        open_extensions(page)
        act(page, "[data-action=reload]")
        assert "Meadow" in tabs(page) and "Garden" not in tabs(page)
        assert "Meadow walk" in samplers(page)
        assert "Garden" in tabs(other)
        other.wait_for_selector(".sd-changed >> visible=true")
        other.fill("#txt2img-prompt textarea", "an old page")
        other.click("#txt2img-generate")  # is answered as before
        other.wait_for_selector(".sd-stage[data-kind=picture]")
        other.click(".sd-changed button")
        other.wait_for_function("document.querySelector('.sd-tabs')?.innerText.includes('Meadow')")
        ready(other)
        assert other.is_hidden(".sd-changed")
        assert not other.failures
    finally:
        other.context.close()


def test_the_sampler_and_the_tab_of_the_guide_are_used(page: Any) -> None:
    page.evaluate("sdPieces.openTab('guide_tab.my_tab')")
    page.wait_for_selector("text=checkpoints are ready >> visible=true")
    open_form(page)
    page.click("#txt2img-sampler input")
    page.click("[role=option]:has-text('My sampler')")
    page.fill("#txt2img-prompt textarea", "drawn by the guide")
    page.click("#txt2img-generate")
    page.wait_for_function("document.querySelector('.sd-parameters').textContent.includes('drawn by the guide')")
    assert "Sampler: My sampler" in page.text_content(".sd-parameters")


def test_an_extension_switched_off_elsewhere_leaves_the_page_too(own_web: Web, page: Any) -> None:
    from sdtoolbox.extensions.states import States

    file: Path = own_web.home / "extensions.json"
    States.read(file).changed(disable="guide_tab").write(file)
    page.wait_for_selector(".sd-changed >> visible=true")
    page.click(".sd-changed button")
    page.wait_for_function("document.querySelector('.sd-tabs')?.innerText.includes('Extensions')")
    ready(page)
    wait_until(lambda: tabs(page))
    assert "My tab" not in tabs(page)
