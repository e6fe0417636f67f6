"""A picture taken in by the tab of an extension: chosen, dropped, taken away; what is none is refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.test_pictures_browser import drop, speaking

pytestmark = pytest.mark.browser
TEXT = "a red house\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64"
TAB = ".sd-tabs .tabitem:visible"
FIELD = f"{TAB} .sd-given-picture"


@pytest.fixture
def page(shared_page: Any) -> Any:
    """The tab with an empty field."""
    shared_page.evaluate("sdPieces.openTab('png_info.png_info')")
    shared_page.wait_for_selector(FIELD)
    if shared_page.locator(FIELD).get_attribute("data-value"):
        shared_page.locator(f"{FIELD} [data-action=clear]").click()
    return shared_page


def said(page: Any, text: str) -> None:
    page.wait_for_function(
        "(text) => [...document.querySelectorAll('textarea')].some((one) => one.value.includes(text))",
        arg=text,
    )


def test_a_picture_is_chosen_and_taken_away_again(page: Any) -> None:
    field = page.locator(FIELD).get_by_label("Picture", exact=True)  # as a screen reader finds it
    assert "how it was drawn" in page.locator(f"{FIELD} .sd-help").text_content()
    field.set_input_files(files=[speaking(TEXT)])
    said(page, "a red house")
    assert page.locator(TAB).get_by_text("txt2img").count()
    page.locator(f"{FIELD} [data-action=clear]").click()
    page.wait_for_function(
        "() => ![...document.querySelectorAll('textarea')].some((one) => one.value.includes('a red house'))"
    )
    assert page.failures == []


def test_a_picture_is_dropped(page: Any) -> None:
    drop(page, speaking(TEXT.replace("red", "green")), "[id^=sd-picture-] .sd-zone")
    said(page, "a green house")
    assert page.failures == []


def test_what_is_no_picture_is_refused_at_the_field(page: Any) -> None:
    page.locator(f"{FIELD} input").set_input_files(
        files=[{"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}]
    )
    page.wait_for_function(
        "() => [...document.querySelectorAll('[id^=sd-picture-] .sd-problem')].some((one) => !one.hidden)"
    )
    assert page.locator(FIELD).get_attribute("data-value") == ""
