"""The page in a real browser: what a person does, and what they must see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web import Web, ready, serve

pytestmark = pytest.mark.browser
PROMPT, STEPS, WIDTH = "#txt2img-prompt textarea", "#txt2img-steps .sd-input", "#txt2img-width .sd-input"

Open = Callable[..., Any]


def draw(page: Any, prompt: str, steps: int | None = None) -> None:
    page.fill(PROMPT, prompt)
    if steps is not None:
        page.fill(STEPS, str(steps))
    page.click("#txt2img-generate")


def wait_for_pictures(page: Any, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('.sd-tile img').length === {count}", timeout=20_000)


def parameters(page: Any) -> str:
    """The text of the picture shown, once it is there."""
    page.wait_for_function("document.querySelector('.sd-parameters').textContent.includes('Seed:')")
    return str(page.text_content(".sd-parameters"))


def stage(page: Any) -> str:
    return str(page.get_attribute(".sd-stage", "data-kind"))


def test_two_clicks_draw_two_pictures_with_a_preview_on_the_way_and_nothing_moves(open_page: Open) -> None:
    page = open_page()
    places = ["stage", "progress", "strip", "tools", "generate"]
    measure = f"""JSON.stringify({places}.map((name) => {{
        const box = document.querySelector('.sd-' + name).getBoundingClientRect();
        return [box.x, box.y, box.width, box.height];
    }}))"""
    before = page.evaluate(measure)
    draw(page, "slow house", 60)
    page.click("#txt2img-generate")
    assert page.is_enabled("#txt2img-generate")
    page.wait_for_selector(".sd-stage[data-kind=preview] .sd-picture[src^='previews/']")
    page.wait_for_function(r"/step \d+ of 60/.test(document.querySelector('.sd-line').textContent)")
    assert page.evaluate(measure) == before
    wait_for_pictures(page, 2)
    page.wait_for_selector(".sd-stage[data-kind=picture] .sd-picture[src^='pictures/']")
    assert page.evaluate(measure) == before
    assert "Steps: 60" in parameters(page)
    assert re.search(r"seed \d+ · 64 × 64", page.text_content(".sd-facts"))
    assert not page.failures


def test_a_reload_in_mid_job_finds_it_again_with_the_form_as_it_was(open_page: Open) -> None:
    page = open_page()
    draw(page, "slow boat", 800)  # sixteen seconds: a reload takes a few, and many on a busy machine
    page.wait_for_selector(".sd-progress[data-busy=true]")
    page.reload()
    ready(page)
    page.wait_for_selector(".sd-progress[data-busy=true]")
    assert page.input_value(PROMPT) == "slow boat"
    assert page.input_value(STEPS) == "800"
    wait_for_pictures(page, 1)
    page.reload()
    ready(page)
    wait_for_pictures(page, 1)
    assert stage(page) == "picture"


def test_stop_ends_the_running_job_and_the_next_one_draws(open_page: Open) -> None:
    page = open_page()
    draw(page, "slow castle", 900)
    draw(page, "a tree", 8)
    page.wait_for_selector(".sd-stage[data-kind=preview]")
    page.click(".sd-panel [data-action=stop]")
    wait_for_pictures(page, 1)
    assert "a tree" in page.get_attribute(".sd-picture", "alt")
    page.wait_for_selector(".sd-panel [data-action=stop]", state="hidden")


def test_the_queue_drawer_lists_jobs_and_cancels_one_or_all(open_page: Open) -> None:
    page = open_page()
    draw(page, "slow windmill", 900)
    draw(page, "slow balloon", 900)
    page.click("#txt2img-generate")
    page.click(".sd-queue-button")
    page.wait_for_function("document.querySelectorAll('.sd-queue-row').length === 3")
    rows = page.locator(".sd-queue-row")
    assert "slow windmill" in rows.nth(0).inner_text()
    assert "next" in rows.nth(1).inner_text()
    assert "1 ahead" in rows.nth(2).inner_text()
    rows.nth(1).locator("button").click()
    page.wait_for_function("document.querySelectorAll('.sd-queue-row').length === 2")
    page.click(".sd-queue-clear")
    page.wait_for_function("document.querySelectorAll('.sd-queue-row').length === 0")
    page.keyboard.press("Escape")
    assert page.is_hidden(".sd-drawer")


def test_ctrl_enter_generates_and_ctrl_up_weighs_the_selection(open_page: Open) -> None:
    page = open_page()
    page.fill(PROMPT, "a big house")
    page.evaluate(f"document.querySelector('{PROMPT}').setSelectionRange(2, 5)")
    page.focus(PROMPT)
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("Control+ArrowUp")
    assert page.input_value(PROMPT) == "a (big:1.2) house"
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowDown")
    assert page.input_value(PROMPT) == "a big house"
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+Enter")
    wait_for_pictures(page, 1)
    assert parameters(page).startswith("a (big:0.9) house")


def test_a_wrong_value_is_said_at_its_field_and_nothing_is_queued(open_page: Open) -> None:
    page = open_page()
    page.fill(WIDTH, "0")
    page.fill(STEPS, "1.5")
    draw(page, "a house")
    page.wait_for_selector("#txt2img-width.sd-invalid .sd-problem")
    assert "Width 0 is out of range. Allowed is a whole number from 16 to 4096." in page.inner_text("#txt2img-width")
    assert "1.5 is not a whole number" in page.inner_text("#txt2img-steps")
    assert page.get_attribute(WIDTH, "aria-invalid") == "true"
    assert page.inner_text(".sd-queue-button") == "Queue empty"
    page.fill(WIDTH, "64")
    assert page.locator("#txt2img-width .sd-problem").count() == 0
    page.fill(STEPS, "8")
    page.click("#txt2img-generate")
    wait_for_pictures(page, 1)
    assert page.locator(".sd-problem").count() == 0


def test_a_failed_job_keeps_a_card_with_the_reason_and_a_retry(open_page: Open) -> None:
    page = open_page()
    draw(page, "error house")
    page.wait_for_selector(".sd-failure:visible")
    assert "The picture came out as nothing. Try another seed." in page.inner_text(".sd-failure")
    page.click(".sd-failure >> text=Retry")
    page.wait_for_function("document.querySelectorAll('.sd-tile').length === 1")
    page.wait_for_selector(".sd-failure:visible")
    draw(page, "a house")
    wait_for_pictures(page, 1)
    assert stage(page) == "picture"


def test_a_first_visit_offers_examples_that_draw_at_once(open_page: Open) -> None:
    page = open_page()
    assert page.locator("[data-example]").count() == 3
    page.click("text=a small blue boat on the sea")
    wait_for_pictures(page, 1)
    assert page.input_value(PROMPT) == "a small blue boat on the sea, on the right, at sunset"
    assert parameters(page).startswith("a small blue boat")


def test_another_checkpoint_brings_its_values_except_where_a_person_chose(open_page: Open) -> None:
    page = open_page()
    assert page.input_value(STEPS) == "8"
    page.fill("#txt2img-guidance_scale .sd-input", "9")
    page.click("#sd-checkpoint input")
    page.click("#sd-checkpoint [role=option]:has-text('other')")
    page.wait_for_function("document.querySelector('#txt2img-steps .sd-input').value === '12'")
    assert page.input_value(WIDTH) == "96"
    assert page.input_value("#txt2img-sampler input") == "Heun"
    assert page.input_value("#txt2img-guidance_scale .sd-input") == "9"


def test_size_buttons_seed_buttons_and_sliders(open_page: Open) -> None:
    page = open_page()
    height, seed = "#txt2img-height .sd-input", "#txt2img-seed .sd-input"
    page.click("[data-ratio='3:2']")
    assert (page.input_value(WIDTH), page.input_value(height)) == ("80", "56")
    page.click("[data-action=swap]")
    assert (page.input_value(WIDTH), page.input_value(height)) == ("56", "80")
    draw(page, "a house")
    wait_for_pictures(page, 1)
    page.click("#txt2img-seed [data-action=reuse]")
    assert page.input_value(seed) in page.text_content(".sd-facts")
    page.click("#txt2img-seed [data-action=dice]")
    assert page.input_value(seed) == "-1"
    page.focus(STEPS)
    page.keyboard.press("ArrowUp")
    assert page.input_value(STEPS) == "9"
    page.evaluate(
        "const range = document.querySelector('#txt2img-steps .sd-range');"
        "range.value = 30; range.dispatchEvent(new Event('input'))"
    )
    assert page.input_value(STEPS) == "30"


def test_the_page_speaks_chinese_by_switch(open_page: Open) -> None:
    page = open_page()
    with page.expect_navigation():
        page.select_option("[data-action=language]", "zh-CN")
    ready(page)
    assert page.inner_text("#txt2img-generate") == "生成"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.fill(WIDTH, "0")
    page.click("#txt2img-generate")
    page.wait_for_selector("#txt2img-width .sd-problem")
    assert page.inner_text("#txt2img-width .sd-problem") == "宽度的值 0 不可用。允许范围：16 到 4096。"


def test_a_chinese_browser_gets_the_chinese_page_and_no_text_on_it_was_left_in_english(open_page: Open) -> None:
    page = open_page(locale="zh-CN")
    assert page.inner_text("#txt2img-generate") == "生成"
    seen = page.evaluate("document.body.innerText")
    names = r"sdtoolbox|English|storybook( \(\w+\))?|Euler|Karras|px|models|LoRA|Ctrl"
    examples = r"a (big|small|white) .*"
    assert re.findall(r"[A-Za-z]{3,}", re.sub(f"{names}|{examples}", "", seen)) == []


def test_light_and_dark_by_the_system_and_by_the_button(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    assert page.evaluate("document.body.classList.contains('dark')")
    page.click("[data-action=theme]")
    assert not page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    ready(page)
    assert not page.evaluate("document.body.classList.contains('dark')")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 720), (1920, 1080)])
def test_nothing_scrolls_sideways_and_generate_is_in_sight(shared_page: Any, width: int, height: int) -> None:
    page = shared_page
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#txt2img-generate").bounding_box()
    assert box["y"] + box["height"] <= height


def test_the_page_asks_its_own_server_only_and_its_controls_have_names(shared_page: Any, web: Web) -> None:
    page = shared_page
    assert [url for url in page.asked if not url.startswith((web.url, "data:", "blob:"))] == []
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, a')]
            .filter((node) => node.offsetParent && node.type !== 'range' && !node.closest('[aria-hidden=true]'))
            .filter((node) => !(node.innerText || '').trim() && !node.getAttribute('aria-label')
                && !(node.labels && node.labels.length) && !node.closest('label'))
            .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_a_prompt_is_text_and_never_markup(open_page: Open) -> None:
    page = open_page()
    draw(page, "<img src=x onerror='window.pwned=1'> ${window.pwned=1} {{lookup this}} `")
    wait_for_pictures(page, 1)
    page.click(".sd-queue-button")
    assert page.evaluate("window.pwned") is None
    assert parameters(page).startswith("<img src=x")


def test_a_server_that_goes_away_is_said_and_the_page_comes_back_with_it(chromium: Any, tmp_path: Path) -> None:
    page = chromium.new_page()
    with serve(tmp_path) as first:
        page.goto(first.url)
        ready(page)
        page.fill(PROMPT, "a house")
        first.process.kill()
        page.wait_for_selector(".sd-lost:not([hidden])")
        assert page.is_hidden(".toast-wrap")
        port = first.url.rsplit(":", 1)[1]
        page.evaluate("window.before = true")
    with serve(tmp_path, port=port):
        page.wait_for_function("window.before === undefined", timeout=30_000)  # it has loaded itself anew
        ready(page)
        assert page.input_value(PROMPT) == "a house"
    page.close()
