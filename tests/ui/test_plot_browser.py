"""A plot in a real browser: its axes are chosen, counted, drawn, and stopped in the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.test_browser import PROMPT, wait_for_pictures

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
COUNT = ".sd-plot-count"


def choose(page: Any, axis: str, field: str, values: str) -> None:
    page.select_option(f"#txt2img-plot [data-axis={axis}]", field)
    page.fill(f"#txt2img-plot [data-values={axis}]", values)


def open_axes(page: Any) -> None:
    page.click(".sd-fold-button:has-text('X/Y/Z')")
    page.wait_for_selector("#txt2img-plot [data-axis=x]")


def says(page: Any, text: str) -> None:
    page.wait_for_function(f"document.querySelector('{COUNT}').textContent.includes({text!r})")


def test_axes_are_counted_drawn_and_kept(open_page: Open) -> None:
    page = open_page()
    open_axes(page)
    page.fill(PROMPT, "a red house")
    choose(page, "x", "steps", "4-8 (+2)")
    choose(page, "y", "sampler", "Euler, Heun")
    says(page, "6 pictures")
    choose(page, "z", "prompt_sr", "blue, green")
    says(page, "'blue' is in neither prompt")
    page.select_option("#txt2img-plot [data-axis=z]", "")
    says(page, "6 pictures")
    page.click("#txt2img-generate")
    wait_for_pictures(page, 7)
    page.reload()
    page.wait_for_selector("#txt2img-plot", state="attached")
    page.wait_for_function("document.querySelector('#txt2img-plot [data-values=x]').value === '4-8 (+2)'")
    assert not page.failures


def test_a_mistake_is_said_at_the_plot(open_page: Open) -> None:
    page = open_page()
    open_axes(page)
    choose(page, "x", "steps", "4-")
    page.click("#txt2img-generate")
    problem = page.wait_for_selector("#txt2img-plot .sd-problem")
    assert "at character 1" in problem.text_content()


def test_stopping_in_the_middle_keeps_the_cells_that_are_done(open_page: Open) -> None:
    page = open_page()
    open_axes(page)
    page.fill(PROMPT, "slow house")
    choose(page, "x", "seed", "1-30")
    page.click("#txt2img-generate")
    page.wait_for_function("document.querySelectorAll('.sd-tile img').length >= 2", timeout=30_000)
    page.click(".sd-panel [data-action=stop]")
    page.wait_for_selector(".sd-panel [data-action=stop]", state="hidden")
    assert 2 <= page.locator(".sd-tile img").count() < 30
