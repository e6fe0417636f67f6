"""The words in a real browser: what stands below a prompt, and the styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sdtoolbox.prompts.styles import Style, StyleFile
from tests.web import Web

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
PROMPT = "#txt2img-prompt textarea"


def test_weights_and_mistakes_stand_below_the_prompt_and_nothing_moves(open_page: Open) -> None:
    page = open_page()
    measure = "JSON.stringify(document.querySelector('.sd-size').getBoundingClientRect())"
    before = page.evaluate(measure)
    page.fill(PROMPT, "a (red:1.4) house (by day")
    page.wait_for_selector(".sd-mistake:visible")
    assert "character 19" in page.inner_text(".sd-mistake")
    assert "×1.4" in page.inner_text(".sd-counter-marks")
    assert page.evaluate(measure) == before
    page.click(".sd-mistake")
    assert page.evaluate(f"[document.querySelector('{PROMPT}').selectionStart, document.activeElement.tagName]") == [
        18,
        "TEXTAREA",
    ]
    page.fill(PROMPT, "a red house")
    page.wait_for_function("document.querySelector('.sd-counter-marks').childElementCount === 0")
    assert not page.failures


def test_styles_are_chosen_applied_and_kept(open_page: Open, web: Web) -> None:
    StyleFile(web.home / "styles.csv").add([Style("Film", "{prompt}, film grain", "blurry"), Style("Ink", "ink")])
    page = open_page()
    page.fill(PROMPT, "a house")
    for name in ("Film", "Ink"):
        page.fill("#txt2img-styles [role=combobox]", name)
        page.click(f"#txt2img-styles [role=option]:has-text('{name}')")
    assert page.locator(".sd-style").all_inner_texts() == ["Film", "Ink"]
    page.click(".sd-style:has-text('Ink') button")
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_selector(".sd-style:has-text('Film')")
    page.click("#txt2img-generate")
    page.wait_for_function("document.querySelector('.sd-parameters')?.textContent.includes('a house, film grain')")
    assert "Negative prompt: blurry" in page.text_content(".sd-parameters")
    assert not page.failures
