"""What a sampler reports of a picture stands below it, under the name that its author gave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.test_pictures_browser import drop, speaking

pytestmark = pytest.mark.browser


def test_what_a_sampler_reports_is_shown(open_page: Callable[..., Any]) -> None:
    page = open_page()
    text = "a red house\nSteps: 2, Sampler: Langevin adjusted, CFG scale: 1, Seed: 5, Size: 64x64"
    drop(page, speaking(text), "#txt2img-prompt")
    page.wait_for_function("() => document.querySelector('#txt2img-prompt textarea').value === 'a red house'")
    page.click("#txt2img-generate")
    page.wait_for_timeout(9000); print("FACTS", page.text_content(".sd-facts"), "|", page.input_value("#txt2img-prompt textarea"), page.text_content(".sd-line"), page.failures); page.screenshot(path="/tmp/e2/r.png")
    page.wait_for_function(
        r"() => /seed 5 .*acceptance rate [\d.]+$/i.test(document.querySelector('.sd-facts').textContent)"
    )
    assert page.failures == []
