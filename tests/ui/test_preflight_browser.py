"""What a request is likely to take stands below the button, and what a sampler does on the pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
LINE = "document.querySelector('.sd-preflight').textContent"


def test_the_line_follows_the_form_and_learns_from_each_job(open_page: Open) -> None:
    page = open_page()
    page.fill("#txt2img-steps .sd-input", "7")
    page.keyboard.press("Tab")
    page.wait_for_function(f"{LINE}.startsWith('7 steps at 64×64')")  # its costs too, if another test drew before
    page.click("#txt2img-generate")
    page.wait_for_selector(".sd-tile img")
    page.wait_for_function(rf"/^7 steps at 64×64: about \d+ s, 5\.0 MB$/.test({LINE})")
    page.fill("#txt2img-batch_count .sd-input", "3")
    page.keyboard.press("Tab")
    page.wait_for_function(f"{LINE}.startsWith('3 pictures, 7 steps at 64×64: about')")
    page.fill("#txt2img-steps .sd-input", "-1")
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelector('.sd-preflight').hidden")
    assert not page.failures


def test_each_sampler_says_what_it_does(open_page: Open) -> None:
    page = open_page()
    page.click("#txt2img-sampler input")
    page.hover("[role=option]:visible:has-text('Euler a')")
    page.wait_for_function(
        "[...document.querySelectorAll('[role=option]')].some((one) => one.title.includes('fresh noise'))"
    )
    assert not page.failures
